/** Snapshots for the tests of the machine page: only what a test cares about is given. */
import type { Snapshot } from '#contract/moments.ts';

export function snapshot(
  name: string,
  time: number,
  parent: string | null,
  change: Partial<Snapshot> = {},
): Snapshot {
  return {
    name,
    description: '',
    time,
    parent,
    current: false,
    machineState: 'running',
    kind: 'internal',
    memory: true,
    disks: ['vda'],
    details: [],
    memoryBytes: null,
    picture: false,
    undoPoint: false,
    broken: null,
    deleting: false,
    ...change,
  };
}

/** The machine of the design pictures: one branch was left by going back to before-upgrade. */
export const nextcloud: readonly Snapshot[] = [
  snapshot('fresh-install', 10, null),
  snapshot('before-upgrade', 20, 'fresh-install'),
  snapshot('upgrade-31', 30, 'before-upgrade'),
  snapshot('repaired-db', 40, 'upgrade-31'),
  snapshot('php-8.4', 50, 'before-upgrade'),
  snapshot('before-31-again', 60, 'php-8.4', { current: true }),
];
