/** Everything the machine page draws, from the catalog, libvirt and a look at files. */
import type { MachineId } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { Timeline } from '#contract/moments.ts';
import type { FoundMachine } from '#engine/fleet/fleet.ts';
import { splitMachineId } from '#engine/fleet/machine-view.ts';
import { viewCheckpoints, viewSnapshots, type SnapshotExtras } from '#engine/fleet/timeline.ts';
import type { SnapshotRecord } from '#engine/hypervisor/hypervisor.ts';
import { isUndoPoint, shownDescription } from '#engine/interlock/undo-point.ts';
import { imageInfo } from '#engine/nbd/image.ts';
import { chainLengthWarned, mergeAction } from '#engine/snapshot/chain.ts';
import type { Rooms } from '../engine.ts';
import { factsOf } from './changes.ts';

/** Points come from the catalog, so they are shown even while the host is away. */
export async function timelineOf(rooms: Rooms, machine: MachineId): Promise<Timeline> {
  const { fleet, catalog, momentsWatch } = rooms;
  const { uuid } = splitMachineId(machine);
  const points = catalog.points.pointsOfMachine(uuid);
  const reverts = catalog.reverts.ofMachine(uuid);
  const base = { machine, points, reverts, failures: catalog.runs.failuresOfMachine(uuid) };
  const names = new Map(catalog.repositories.list().map(({ id, name }) => [String(id), name]));
  const nothing = { snapshots: [], checkpoints: [], undo: null, chainWarning: null };
  try {
    const found = fleet.find(machine);
    momentsWatch.look(machine);
    const [snapshots, checkpoints] = await Promise.all([
      found.hypervisor.listSnapshots(uuid),
      found.hypervisor.listCheckpoints(uuid),
    ]);
    const extras = await extrasOf(rooms, found, snapshots);
    return {
      ...base,
      snapshots: viewSnapshots(snapshots, extras),
      checkpoints: viewCheckpoints(checkpoints, points, catalog.settings.installation(), names),
      undo: undoOf(reverts, snapshots),
      chainWarning: await chainWarningOf(rooms, found, snapshots),
      incomplete: null,
    };
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    return { ...base, ...nothing, incomplete: thrown.toJSON() };
  }
}

async function extrasOf(
  { world, pictures }: Rooms,
  { record: machine }: FoundMachine,
  snapshots: readonly SnapshotRecord[],
): Promise<(record: SnapshotRecord) => SnapshotExtras> {
  const pictured = await pictures.have(machine.uuid, snapshots);
  const memory = await internalMemory(world, machine, snapshots);
  const files = new Map<string, { readonly missing: boolean; readonly bytes: number }>();
  for (const path of new Set(snapshots.flatMap(filesOf))) {
    const stat = await world.files.stat(path).catch(() => undefined);
    // Where we may not look nothing is said against it.
    files.set(path, { missing: stat === null, bytes: stat?.allocatedBytes ?? 0 });
  }
  return (record) => ({
    memoryBytes:
      record.memory === 'internal'
        ? (memory.get(record.name) ?? null)
        : record.memoryFile === null
          ? null
          : (files.get(record.memoryFile)?.bytes ?? null),
    picture: pictured.has(record.name),
    undoPoint: isUndoPoint(record.description),
    description: shownDescription(record.description),
    missing: filesOf(record).filter((path) => files.get(path)?.missing === true),
  });
}

/** The files an external snapshot is lost without. */
function filesOf({ disks, memoryFile }: SnapshotRecord): readonly string[] {
  const frozen = disks.flatMap(({ kind, image }) =>
    kind === 'external' && typeof image?.source === 'string' ? [image.source] : [],
  );
  return [...frozen, ...(memoryFile === null ? [] : [memoryFile])].filter((path) =>
    path.startsWith('/'),
  );
}

/** Bytes of memory by snapshot; QEMU keeps it in the first image that can. */
async function internalMemory(
  world: Rooms['world'],
  { definition }: FoundMachine['record'],
  snapshots: readonly SnapshotRecord[],
): Promise<ReadonlyMap<string, number>> {
  const first = definition.disks.find(
    ({ format, source }) => format === 'qcow2' && source !== null,
  );
  const any = snapshots.some(({ memory }) => memory === 'internal');
  if (!any || typeof first?.source !== 'string') return new Map();
  const info = await imageInfo(world, first.source, { share: true }).catch((thrown: unknown) => {
    if (thrown instanceof AppError) return null;
    throw thrown;
  });
  return new Map(info?.snapshots.map(({ name, memoryBytes }) => [name, memoryBytes]) ?? []);
}

function undoOf(
  reverts: Timeline['reverts'],
  snapshots: readonly SnapshotRecord[],
): Timeline['undo'] {
  const [newest] = reverts;
  if (newest === undefined || newest.kept === null) return null;
  if (!snapshots.some(({ name }) => name === newest.kept)) return null;
  return { revert: newest, action: { kind: 'revert-undo' } };
}

/** Libvirt tells the chain of a running machine; a stopped one has an image a snapshot. */
async function chainWarningOf(
  rooms: Rooms,
  found: FoundMachine,
  snapshots: readonly SnapshotRecord[],
): Promise<Timeline['chainWarning']> {
  const external = snapshots.filter(({ disks }) => disks.some(({ kind }) => kind === 'external'));
  const lengths = found.record.definition.disks.map(({ target, chain }) => ({
    target,
    images: 1 + (chain?.length ?? external.length),
  }));
  const longest = lengths.sort((a, b) => b.images - a.images)[0];
  if (longest === undefined || longest.images < chainLengthWarned) return null;
  return { ...longest, merge: mergeAction(await factsOf(rooms, found)) };
}
