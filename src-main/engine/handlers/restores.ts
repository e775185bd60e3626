import { dirname, join } from 'node:path';
import type { Handlers, Input } from '#contract/contract.ts';
import type { RestoreTarget } from '#contract/inputs.ts';
import type { HostId, JobResult, Point, RestoredItem } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import { socketOfUri } from '#engine/backup/host-access.ts';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import type { JobContext } from '#engine/jobs/job-types.ts';
import { systemImagesFolder } from '#engine/restore/place.ts';
import {
  describeRestore,
  prepareRestore,
  refuseUnmet,
  type RestoreHost,
  type RestoreRooms,
} from '#engine/restore/restore.ts';
import { runRestore } from '#engine/restore/run.ts';
import type { Rooms } from '../engine.ts';
import { answer } from './answer.ts';

export function restoreHandlers(rooms: Rooms): Pick<Handlers, 'restore.plan' | 'restore.start'> {
  return {
    'restore.plan': async ({ point, to }) => {
      const found = rooms.catalog.points.getPoint(point);
      const restore = await restoreRooms(rooms, found, to, null);
      return describeRestore(found.id, await prepareRestore(restore, to));
    },
    'restore.start': (input) => answer(() => start(rooms, input)),
  };
}

function start(rooms: Rooms, { point, to, accepted }: Input<'restore.start'>) {
  const found = rooms.catalog.points.getPoint(point);
  if (to.kind === 'new-machine') rooms.fleet.hypervisor(to.host); // says at once why not
  return rooms.jobs.start({
    kind: 'restore',
    title:
      to.kind === 'image'
        ? `Restore ${to.disk} of ${found.machine.name} as an image`
        : `Restore ${found.machine.name} as ${to.name}`,
    machine: { id: null, ...found.machine },
    repository: found.repository,
    requires: { machine: false, repository: true },
    cancelEffect: 'What was written so far is removed again; nothing else is changed.',
    run: (context) => run(rooms, found, to, accepted, context),
  });
}

async function run(
  rooms: Rooms,
  point: Point,
  to: RestoreTarget,
  accepted: readonly string[],
  context: JobContext,
): Promise<JobResult> {
  const { world, fleet } = rooms;
  await rooms.recovered();
  const since = world.clock.monotonic();
  const host = to.kind === 'new-machine' ? fleet.record(to.host) : null;
  const own = host === null ? null : await rooms.connect(host);
  try {
    const restore = await restoreRooms(rooms, point, to, own);
    const prepared = await context.step('Check first', () => prepareRestore(restore, to));
    refuseUnmet(prepared.checks, accepted);
    const restored: readonly RestoredItem[] = await runRestore(restore, prepared, context);
    const machine =
      prepared.machine === null
        ? null
        : { name: prepared.machine.name, uuid: prepared.machine.uuid };
    if (to.kind === 'new-machine') noteVerified(rooms, point, context);
    const seconds = (world.clock.monotonic() - since) / 1000;
    return { kind: 'restore', restored, verified: true, seconds, machine };
  } finally {
    await own?.close();
  }
}

/** A whole machine that was compared proves its point. A note that fails undoes nothing. */
function noteVerified({ world, catalog, fleet }: Rooms, point: Point, context: JobContext): void {
  const verification = { time: world.clock.now(), depth: 'restore', ok: true } as const;
  try {
    catalog.points.setVerification(point.repository.id, point.id, verification);
    fleet.touch(point.machine.uuid);
  } catch (thrown) {
    world.log.error('Noting that a point was restored failed', thrown);
    context.addProblem('The machine is restored; only the note of it could not be written.');
  }
}

async function restoreRooms(
  rooms: Rooms,
  point: Point,
  to: RestoreTarget,
  own: Hypervisor | null,
): Promise<RestoreRooms> {
  const { world, shelf, fleet, options, catalog } = rooms;
  const store = await shelf.open(point.repository.id);
  const manifest = await store.readPoint(point.id, point.machine.uuid);
  const socketFolder = join(options.runtimeFolder, 'nbd');
  await world.files.makeFolder(socketFolder);
  return {
    world,
    store,
    manifest,
    journals: catalog.journals,
    pointDamaged: point.damaged,
    verified: point.verified?.ok === true,
    host:
      to.kind === 'new-machine'
        ? await restoreHost(rooms, to.host, own ?? fleet.hypervisor(to.host))
        : null,
    socketFolder,
  };
}

async function restoreHost(
  { world, fleet, options, practice }: Rooms,
  id: HostId,
  hypervisor: Hypervisor,
): Promise<RestoreHost> {
  const record = fleet.record(id);
  const { kind } = await hypervisor.info();
  const socket = socketOfUri(hypervisor.uri);
  const self = { uid: world.processes.uid, gid: world.processes.gid };
  if (kind !== 'session') {
    const identity = await hypervisor.qemuUser();
    if (identity === null) {
      throw new AppError('unsupported', `libvirt on ${record.name} does not say who QEMU runs as.`);
    }
    const tpmFolder = self.uid === 0 ? '/var/lib/libvirt/swtpm' : null;
    const stagingFolder = self.uid === 0 ? null : join(options.dataFolder, 'staging');
    const shown = { id, name: record.name, kind, hypervisor, identity, tpmFolder, stagingFolder };
    return { ...shown, defaultFolder: systemImagesFolder };
  }
  if (record.practice) {
    const { folder, uid, gid } = await practice.images();
    const shown = { id, name: record.name, kind, hypervisor, tpmFolder: null, stagingFolder: null };
    return { ...shown, identity: { uid, gid }, defaultFolder: folder };
  }
  // A session's daemon runs as the user who owns its socket.
  const stat = socket === null ? null : await world.files.stat(socket);
  const identity = stat === null ? self : { uid: stat.uid, gid: stat.gid };
  const folder = join(dirname(options.dataFolder), 'libvirt', 'images');
  const tpmFolder = socket === null ? join(options.configFolder, 'libvirt/qemu/swtpm') : null;
  const shown = { id, name: record.name, kind, hypervisor, identity, tpmFolder };
  return { ...shown, stagingFolder: null, defaultFolder: folder };
}
