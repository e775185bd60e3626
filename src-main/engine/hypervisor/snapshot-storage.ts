import type { SnapshotStorage } from '#contract/moments.ts';
import type { SnapshotRecord } from './hypervisor.ts';

/** How a snapshot keeps its moment. libvirt never makes mixed ones; they could be told to it. */
export function snapshotStorage({
  disks,
  memory,
}: Pick<SnapshotRecord, 'disks' | 'memory'>): SnapshotStorage | 'mixed' {
  const kinds = new Set<string>([...disks.map(({ kind }) => kind), memory]);
  const external = kinds.has('external');
  if (external && kinds.has('internal')) return 'mixed';
  return external ? 'external' : 'internal';
}
