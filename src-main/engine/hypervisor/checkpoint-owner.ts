import type { CheckpointRecord } from './hypervisor.ts';

/** Every checkpoint Waymark makes begins like this; that of a backup goes on with its point. */
export const checkpointPrefix = 'waymark-';

/** One that a person asked for. No point's id begins like this, so no backup takes it for its. */
export const handMadePrefix = `${checkpointPrefix}by-hand-`;

/** Who made a checkpoint and what for, kept in its description, which libvirt keeps. */
export interface CheckpointOwner {
  readonly installation: string;
  /** The repository whose next backup starts from it; null for one that a person asked for. */
  readonly repository: string | null;
}

const pattern = /^waymark installation=(\S+) (?:repository=(\S+)|by hand)$/;

export function describeOwner({ installation, repository }: CheckpointOwner): string {
  const purpose = repository === null ? 'by hand' : `repository=${repository}`;
  return `waymark installation=${installation} ${purpose}`;
}

/** Null for a checkpoint of another program: those are never touched unasked. */
export function checkpointOwner(
  record: Pick<CheckpointRecord, 'name' | 'description'>,
): CheckpointOwner | null {
  const found = pattern.exec(record.description);
  const [, installation, repository] = found ?? [];
  if (!record.name.startsWith(checkpointPrefix)) return null;
  if (installation === undefined) return null;
  return { installation, repository: repository ?? null };
}
