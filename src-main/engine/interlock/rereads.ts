/** What taking checkpoints away means for the backups that come, in words. */
import type { PlanStep } from '#contract/actions.ts';
import type { Check } from '#contract/domain.ts';
import type { CheckpointFacts, MachineFacts } from './facts.ts';
import { stableId } from './stable-id.ts';

/** Repositories whose next backup would have started from one of these. */
export function rereadsAfter(gone: readonly CheckpointFacts[]): readonly string[] {
  const names = gone.flatMap(({ reference, repository }) =>
    reference && repository !== null ? [repository] : [],
  );
  return [...new Set(names)];
}

export function rereadStep(facts: MachineFacts, repository: string): PlanStep {
  const bytes = bytesInUse(facts);
  return {
    title: `The next backup to ${repository} reads everything again`,
    detail: 'Only what differs is stored.',
    bytes,
    seconds: bytes === null ? null : Math.ceil(bytes / facts.bytesPerSecond),
    downtimeSeconds: 0,
    undo: 'Not needed',
    runs: false,
  };
}

function bytesInUse({ disks }: MachineFacts): number | null {
  let bytes = 0;
  for (const { chain } of disks) {
    for (const { usedBytes } of chain) {
      if (usedBytes === null) return null;
      bytes += usedBytes;
    }
  }
  return bytes;
}

/** One tick for each checkpoint that this installation did not make. */
export function consentTo({ name, owner, time }: CheckpointFacts): Check {
  const other = owner === 'other-waymark';
  return {
    id: stableId('foreign', name),
    level: 'warning',
    title: `${name} is not of this Waymark`,
    detail: other
      ? `Another installation of Waymark made it (${moment(time)}). Its next backup then reads ` +
        'everything again.'
      : `Another program made it (${moment(time)}). A backup of that program that starts from it ` +
        'then fails or reads everything again.',
    accept: `Delete ${name}`,
  };
}

/** "2026-11-25 20:41 UTC" */
export function moment(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
