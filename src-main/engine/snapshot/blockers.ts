/** What forbids every change of a machine's snapshots, told before libvirt is asked (D2). */
import type { PlanReason } from '#contract/actions.ts';
import type { MachineFacts, SnapshotFacts } from '#engine/interlock/facts.ts';
import { reasonsToWait } from '#engine/interlock/reasons-to-wait.ts';
import { listed } from './words.ts';

/** Most important first; libvirt would wait 30 s for some of these and then refuse. */
export function commonRefusals(facts: MachineFacts): readonly PlanReason[] {
  const { name, state } = facts;
  const unclear = stateWords[state];
  if (unclear === undefined) return reasonsToWait(facts);
  const reason = {
    id: `state-${state}`,
    title: `${name} ${unclear.title}`,
    detail: unclear.detail,
  };
  return [...reasonsToWait(facts), reason];
}

const stateWords: Partial<
  Record<MachineFacts['state'], { readonly title: string; readonly detail: string }>
> = {
  // QEMU may still be there and have the images open.
  crashed: {
    title: 'has crashed',
    detail: 'Its QEMU may still hold the images. Switch it off for good, then try again.',
  },
  'shutting-down': { title: 'is shutting down', detail: 'Try again when it is off.' },
  unknown: { title: 'is in an unknown state', detail: 'libvirt does not say how it is.' },
};

/** B11. Only what needs the guest's memory is refused by QEMU. */
export function suspendedRefusal({ name, state }: MachineFacts): PlanReason | null {
  if (state !== 'suspended') return null;
  return {
    id: 'suspended',
    title: `${name} is asleep`,
    detail: 'QEMU takes no snapshot of a machine in its power-saving sleep. Wake it up first.',
  };
}

export function noDisksRefusal({ name, disks }: MachineFacts): PlanReason | null {
  if (disks.some(({ leftOut }) => leftOut === null)) return null;
  const detail =
    disks.length === 0
      ? 'It has no disks.'
      : 'None of its disks can be part of a snapshot: ' +
        `${disks.map((disk) => `${disk.target} ${leftOutWords(disk.leftOut)}`).join(', ')}.`;
  return { id: 'no-disks', title: `${name} has nothing to take a snapshot of`, detail };
}

const whyLeftOut: Readonly<Record<NonNullable<MachineFacts['disks'][number]['leftOut']>, string>> =
  {
    cdrom: 'is a CD-ROM',
    floppy: 'is a floppy',
    empty: 'is empty',
    'read-only': 'is read-only',
    shared: 'is shared with other machines',
    passthrough: 'is a device of the host handed through',
    network: 'is on the network, not on this host',
    transient: 'forgets its changes by itself',
    'sd-bus': 'is an SD card',
    'vhost-user': 'is served by another process',
  };

export function leftOutWords(leftOut: MachineFacts['disks'][number]['leftOut']): string {
  return leftOut === null ? 'takes part' : whyLeftOut[leftOut];
}

export function findSnapshot(facts: MachineFacts, name: string): SnapshotFacts | null {
  return facts.snapshots.find(({ record }) => record.name === name) ?? null;
}

/** With those it has whose names are most like it: a slip of the hand is the usual reason. */
export function unknownSnapshot({ name, snapshots }: MachineFacts, snapshot: string): PlanReason {
  const names = nearest(
    snapshot,
    snapshots.map(({ record }) => record.name),
  );
  const detail =
    names.length === 0
      ? 'It has none; it may have been deleted meanwhile.'
      : `It may have been deleted meanwhile. There is ${listed(names)}` +
        `${names.length < snapshots.length ? ', among others' : ''}.`;
  return { id: 'unknown-snapshot', title: `${name} has no snapshot ${snapshot}`, detail };
}

const mostNearest = 3;

/** The names that share most with this one, best first: pairs of letters, case aside. */
function nearest(name: string, names: readonly string[]): readonly string[] {
  const wanted = pairsOf(name);
  const likeness = (other: string) => {
    const pairs = pairsOf(other);
    const shared = [...pairs].filter((pair) => wanted.has(pair)).length;
    return (2 * shared) / Math.max(1, pairs.size + wanted.size);
  };
  const rated = names.map((other) => ({ other, like: likeness(other) }));
  return rated
    .sort((a, b) => b.like - a.like)
    .slice(0, mostNearest)
    .map(({ other }) => other);
}

function pairsOf(name: string): ReadonlySet<string> {
  const padded = ` ${name.toLowerCase()} `;
  return new Set(Array.from({ length: padded.length - 1 }, (_one, at) => padded.slice(at, at + 2)));
}

/** Names of internal snapshots in these images, as libvirt and the images themselves tell. */
export function momentsInside(facts: MachineFacts, paths: ReadonlySet<string>): readonly string[] {
  const recorded = facts.snapshots
    .filter(({ storage }) => storage !== 'external')
    .filter(({ record }) =>
      record.disks.some(({ kind, image }) => kind !== 'no' && paths.has(image?.source ?? '')),
    )
    .map(({ record }) => record.name);
  const found = facts.disks.flatMap(({ chain }) =>
    chain.flatMap(({ path, snapshots }) => (paths.has(path) ? (snapshots ?? []) : [])),
  );
  return [...new Set([...recorded, ...found])];
}

/**
 * libvirt began to delete it and was cut off (B19). It marks the snapshot before, whose overlay is
 * half written; the oldest one has none before, so its cut-off deletion is not told by anything.
 */
export function beingDeleted(facts: MachineFacts, { record }: SnapshotFacts): boolean {
  return record.disks.some(({ target, kind }) => {
    if (kind !== 'external') return false;
    const parent = parentOnDisk(facts, record.name, target);
    if (parent?.deleting !== true) return false;
    // Of two that were taken after the same one, it is the one that froze the half-written image.
    const froze = record.disks.find((disk) => disk.target === target)?.image?.source ?? null;
    return froze === null || parent.source === null || parent.source === froze;
  });
}

/** The nearest snapshot before this one that has the disk, as libvirt looks for it. */
function parentOnDisk({ snapshots }: MachineFacts, name: string, target: string) {
  const records = new Map(snapshots.map(({ record }) => [record.name, record]));
  let parent = records.get(name)?.parent ?? null;
  // A record names its parent only once, so this ends; a broken one ends it sooner.
  for (let hops = 0; parent !== null && hops < snapshots.length; hops += 1) {
    const record = records.get(parent);
    const disk = record?.disks.find((one) => one.target === target && one.kind !== 'no');
    if (disk !== undefined) return disk;
    parent = record?.parent ?? null;
  }
  return null;
}
