/** What the snapshots of a timeline say about one of them: what comes after it, where it leads. */
import type { MachineAction } from '#contract/actions.ts';
import type { Snapshot } from '#contract/moments.ts';
import { t } from '../../text/catalogue.ts';

/** How the machine is to be after a revert. */
export type RevertTarget = Extract<MachineAction, { kind: 'snapshot-revert' }>['to'];

/** Names of all that were taken after these, parents before their children. */
export function takenAfter(
  snapshots: readonly Snapshot[],
  names: readonly string[],
): readonly string[] {
  const family = new Set(names);
  const after: string[] = [];
  // A parent is older than its children, so one pass in the order of time meets it first; clocks
  // that were turned back are met by looking again until nothing more is found.
  for (let found = true; found;) {
    found = false;
    for (const { name, parent } of snapshots) {
      if (parent === null || family.has(name) || !family.has(parent)) continue;
      family.add(name);
      after.push(name);
      found = true;
    }
  }
  return after;
}

/** What a revert can leave the machine as, the usual one first; nothing known: only that. */
export function revertTargets(
  snapshot: Pick<Snapshot, 'memory' | 'machineState'> | null,
): readonly { readonly value: RevertTarget; readonly label: string }[] {
  const usual = (label: string) => ({ value: 'as-taken', label }) as const;
  const paused = { value: 'paused', label: t('revert.to.paused') } as const;
  if (snapshot === null) return [usual(t('revert.to.as-taken'))];
  if (!snapshot.memory) {
    return [
      usual(t('revert.to.off-usual')),
      { value: 'running', label: t('revert.to.running') },
      paused,
    ];
  }
  const off = { value: 'off', label: t('revert.to.off') } as const;
  return [usual(t('revert.to.running-usual')), paused, off];
}
