import { join } from 'node:path';
import type { Handlers, Input } from '#contract/contract.ts';
import type { BackupPlan, JobId, JobResult, Named, RepositoryId } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import { decide, type BackupDecision } from '#engine/backup/decide.ts';
import { gather } from '#engine/backup/gather.ts';
import type { AccessFolders } from '#engine/backup/host-access.ts';
import type { BackupOrder } from '#engine/backup/order.ts';
import { runBackup, type BackupRooms } from '#engine/backup/run.ts';
import type { HostRecord } from '#engine/catalog/hosts.ts';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import type { JobContext } from '#engine/jobs/job-types.ts';
import { viewPoint } from '#engine/repositories/point-view.ts';
import type { Rooms } from '../engine.ts';
import { answer } from './answer.ts';
import { refuseUnfinished } from './changes.ts';

/** Bytes a second used for an estimate until this machine has been backed up once. */
const assumedBytesPerSecond = 200 * 1024 * 1024;

export function backupHandlers(rooms: Rooms): Pick<Handlers, 'backup.plan' | 'backup.start'> {
  return {
    'backup.plan': (input) => plan(rooms, input),
    'backup.start': (input) => answer(() => startBackup(rooms, { ...input, bytesPerSecond: null })),
  };
}

async function plan(rooms: Rooms, input: Input<'backup.plan'>): Promise<BackupPlan> {
  const { fleet, shelf, world } = rooms;
  const { host, hypervisor, record } = fleet.find(input.machine);
  const repository = named(rooms, input.repository);
  const store = await shelf.open(input.repository);
  const backup = backupRooms(rooms, host, hypervisor, store, repository);
  const gathered = await gather({ world, hypervisor, store, uuid: record.uuid });
  const unasked = { accepted: [], bytesPerSecond: null };
  const order = { uuid: record.uuid, name: record.name, ...input, ...unasked };
  const decision = await decide(backup, order, gathered);
  const expected = decision.disks.reduce((sum, disk) => sum + (disk.expectedReadBytes ?? 0), 0);
  return {
    machine: { id: input.machine, name: record.name },
    repository,
    route: decision.route,
    disks: plannedDisks(decision),
    checks: decision.checks,
    estimatedSeconds: Math.ceil(expected / assumedBytesPerSecond) + 1,
    commands: commands(record.name, decision),
  };
}

function plannedDisks(decision: BackupDecision): BackupPlan['disks'] {
  return [
    ...decision.disks.map(({ target, mode, reason, sizeBytes, expectedReadBytes }) => ({
      target,
      mode,
      ...(reason === undefined ? {} : { reason }),
      sizeBytes,
      expectedReadBytes,
    })),
    ...decision.skipped.map(({ target, reason }) => ({
      target,
      mode: 'skip' as const,
      reason,
      sizeBytes: 0,
      expectedReadBytes: 0,
    })),
  ];
}

/** What will run, one line an action, in the words of the tools a person knows. */
function commands(name: string, decision: BackupDecision): readonly string[] {
  const disks = decision.disks.map(({ target, mode }) => `${target}: ${mode}`).join(', ');
  if (decision.route === 'closed-image') {
    return [
      ...decision.disks.map(({ path, since }) =>
        ['qemu-nbd --read-only', since === null ? '' : `--bitmap ${since}`, path]
          .filter((part) => part !== '')
          .join(' '),
      ),
      `read over NBD (${disks}), store, write the restore point`,
    ];
  }
  const begin = `virsh backup-begin ${name} backup.xml checkpoint.xml`;
  const read = `read over NBD (${disks}), store, write the restore point`;
  const end = `virsh domjobabort ${name}`;
  const steps = [begin, read, end, `virsh checkpoint-delete ${name} (the replaced one)`];
  if (decision.route === 'running') return steps;
  return [`virsh start --paused ${name}`, ...steps, `virsh destroy ${name}`];
}

/** @throws `change-unfinished`, `machine-not-found`, why the host is away, or like `jobs.start` */
export function startBackup(
  rooms: Rooms,
  input: Input<'backup.start'> & { readonly bytesPerSecond: number | null },
): JobId {
  refuseUnfinished(rooms, input.machine);
  const { fleet, jobs } = rooms;
  const { host, record } = fleet.find(input.machine);
  const repository = named(rooms, input.repository);
  const order: BackupOrder = {
    uuid: record.uuid,
    name: record.name,
    exclude: input.exclude,
    reread: input.reread,
    accepted: input.accepted,
    bytesPerSecond: input.bytesPerSecond,
  };
  return jobs.start({
    kind: 'backup',
    title: `Back up ${record.name} to ${repository.name}`,
    machine: { id: input.machine, uuid: record.uuid, name: record.name },
    repository,
    cancelEffect:
      'The new checkpoint is removed. Earlier restore points are unaffected, and what was ' +
      'stored so far is used by the next backup.',
    run: (context) => {
      // The change it waited for may have been cut off meanwhile.
      refuseUnfinished(rooms, input.machine);
      return run(rooms, host, repository, order, context);
    },
  });
}

async function run(
  rooms: Rooms,
  host: HostRecord,
  repository: Named<RepositoryId>,
  order: BackupOrder,
  context: JobContext,
): Promise<JobResult> {
  const { world, shelf, catalog, fleet } = rooms;
  // A long pause is no slow storage then.
  if (order.bytesPerSecond !== null) context.progress({ waitingFor: 'Held to its plan’s pace…' });
  const leaveMachine = await rooms.enterMachine(host, order.uuid);
  try {
    const since = world.clock.monotonic();
    const store = await shelf.open(repository.id);
    const hypervisor = await rooms.connect(host);
    try {
      const backup = backupRooms(rooms, host, hypervisor, store, repository);
      const manifest = await runBackup(backup, order, context);
      const point = viewPoint(manifest, repository);
      try {
        catalog.points.insertPoint(point);
        fleet.touch(order.uuid);
        await shelf.refresh(repository.id);
      } catch (thrown) {
        // The point is in the repository whatever happens to our own list of it.
        world.log.error('A new restore point was not listed', thrown);
        context.addProblem(
          'The restore point is complete, but the list here was not brought up to date.',
        );
      }
      return { kind: 'backup', point, seconds: (world.clock.monotonic() - since) / 1000 };
    } finally {
      await hypervisor.close();
    }
  } finally {
    leaveMachine();
  }
}

function named({ catalog }: Rooms, id: RepositoryId): Named<RepositoryId> {
  const found = catalog.repositories.get(id);
  if (found === null) {
    throw new AppError('repository-not-found', 'There is no such repository here.', {
      advice: 'List the repositories, or add it by its folder.',
    });
  }
  return { id, name: found.name };
}

/** Where scratch files and sockets lie, by who runs QEMU. */
export function accessFolders({ options, world }: Rooms): AccessFolders {
  return {
    ownScratchFolder: join(options.dataFolder, 'scratch'),
    rootScratchFolder: '/var/lib/waymark-scratch',
    sharedScratchFolder: `/var/tmp/waymark-${world.processes.uid}`,
  };
}

/** What a backup of a machine on this host works with. */
function backupRooms(
  rooms: Rooms,
  host: HostRecord,
  hypervisor: Hypervisor,
  store: BackupRooms['store'],
  repository: Named<RepositoryId>,
): BackupRooms {
  const { world, options, catalog } = rooms;
  return {
    world,
    hypervisor,
    host: { id: host.id, name: host.name, uri: hypervisor.uri },
    store,
    repository,
    journals: catalog.journals,
    installation: catalog.settings.installation(),
    folders: accessFolders(rooms),
    tpmFolders: ['/var/lib/libvirt/swtpm', join(options.configFolder, 'libvirt/qemu/swtpm')],
  };
}
