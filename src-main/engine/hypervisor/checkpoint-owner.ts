import type { CheckpointRecord } from './hypervisor.ts';

/** Every checkpoint Waymark makes begins like this; the rest of the name is a ULID. */
export const checkpointPrefix = 'waymark-';

/** Who made a checkpoint and for which repository, kept in its description, which libvirt keeps. */
export interface CheckpointOwner {
  readonly installation: string;
  readonly repository: string;
}

const pattern = /^waymark installation=(\S+) repository=(\S+)$/;

export function describeOwner({ installation, repository }: CheckpointOwner): string {
  return `waymark installation=${installation} repository=${repository}`;
}

/** Null for a checkpoint of another program: those are never touched. */
export function checkpointOwner(
  record: Pick<CheckpointRecord, 'name' | 'description'>,
): CheckpointOwner | null {
  const found = pattern.exec(record.description);
  const [, installation, repository] = found ?? [];
  if (!record.name.startsWith(checkpointPrefix)) return null;
  if (installation === undefined || repository === undefined) return null;
  return { installation, repository };
}
