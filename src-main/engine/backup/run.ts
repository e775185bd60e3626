/**
 * One backup of one machine into one repository, step by step as ARCHITECTURE.md tells it. Whatever
 * goes wrong, and wherever: no libvirt job, scratch file, socket, lease or unfinished checkpoint of
 * ours stays behind, and what could not be removed at once is left in the journal for recovery.
 */
import type { Named, RepositoryId } from '#contract/domain.ts';
import { AppError, asPreflight, hasCode, type JsonValue } from '#contract/errors.ts';
import type { Journals } from '#engine/catalog/journals.ts';
import { checkpointPrefix, describeOwner } from '#engine/hypervisor/checkpoint-owner.ts';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import type { JobContext } from '#engine/jobs/job-types.ts';
import type { PointManifest } from '#engine/store/manifest.ts';
import type { StoreRepository, StoreWriter } from '#engine/store/repository.ts';
import type { World } from '#engine/world/world.ts';
import { dropCheckpoint, retireOlder } from './checkpoints.ts';
import { copyAll } from './copy-all.ts';
import { explainFailure } from './failure.ts';
import { thawAgain, type FreezeMarks } from './freeze.ts';
import { gather, type Gathered } from './gather.ts';
import {
  makeWorkFolder,
  qemuIdentity,
  socketOfUri,
  workFolderPath,
  type AccessFolders,
  type WorkFolder,
} from './host-access.ts';
import { storeIdentity } from './identity.ts';
import { decide, type BackupDecision } from './decide.ts';
import type { BackupOrder } from './order.ts';
import { createPace } from './pace.ts';
import { openClosed, openPaused, openRunning, type Source } from './routes.ts';
import { endOurJob, jobOwner } from './pull-job.ts';
import { watchScratch } from './scratch-watch.ts';

export interface BackupRooms {
  readonly world: World;
  /** A connection of this job's own: libvirt serves only five calls at a time on one. */
  readonly hypervisor: Hypervisor;
  readonly host: { readonly id: string; readonly name: string; readonly uri: string };
  readonly store: StoreRepository;
  readonly repository: Named<RepositoryId>;
  readonly journals: Journals;
  readonly installation: string;
  readonly folders: AccessFolders;
  readonly tpmFolders: readonly string[];
}

/** What the journal needs to undo a backup that was cut off. */
export interface BackupJournal {
  readonly host: string;
  readonly uuid: string;
  readonly repository: string;
  readonly point: string;
  readonly checkpoint: string | null;
  readonly workFolder: string;
  readonly route: string;
}

/** Runs it and returns the manifest that was committed. Throws AppError; see failure.ts. */
export async function runBackup(
  rooms: BackupRooms,
  order: BackupOrder,
  context: JobContext,
): Promise<PointManifest> {
  const { world, hypervisor, store } = rooms;
  const options = { world, hypervisor, store, uuid: order.uuid };
  const owner = { installation: rooms.installation, what: `backing up ${order.name}` };
  // The lease comes first: without it the point that is built on could go before it is read.
  const writer = await store.openWriter(owner, context.signal);
  try {
    const gathered = await context.step('Look at the machine', () => gather(options));
    const decision = await decide(rooms, order, gathered);
    if (decision.refuse !== null) throw asPreflight(decision.refuse);
    try {
      return await attempt(rooms, order, context, gathered, decision, writer);
    } catch (thrown) {
      if (!hasCode(thrown, 'checkpoint-inconsistent')) throw thrown;
      // libvirt has the last word on a reference: begin again and read everything.
      context.note('The reference is broken, so everything is read again.');
      const lost = withReferenceLost(gathered);
      const again = await decide(rooms, order, lost);
      if (again.refuse !== null) throw asPreflight(again.refuse);
      return await attempt(rooms, order, context, lost, again, writer);
    }
  } finally {
    await writer.release();
  }
}

function withReferenceLost(gathered: Gathered): Gathered {
  const { reference } = gathered;
  return {
    ...gathered,
    reference: reference === null ? null : { ...reference, health: 'inconsistent' },
  };
}

async function attempt(
  rooms: BackupRooms,
  order: BackupOrder,
  context: JobContext,
  gathered: Gathered,
  decision: BackupDecision,
  writer: StoreWriter,
): Promise<PointManifest> {
  const { world, hypervisor, journals } = rooms;
  const pace = createPace(world.clock, order.bytesPerSecond);
  const copying = { store: rooms.store, blockSizeBytes: rooms.store.blockSizeBytes, pace };
  const since = world.clock.monotonic();
  const point = world.ids.ulid();
  const tracked = decision.disks.some(({ track }) => track) && decision.route !== 'closed-image';
  const checkpoint = tracked ? checkpointPrefix + point.toLowerCase() : null;
  const work = await workFolderFor(rooms, order, gathered, decision);
  const journal = journals.beginJournal('backup', {
    host: rooms.host.id,
    uuid: order.uuid,
    repository: rooms.repository.id,
    point,
    checkpoint,
    workFolder: work.path,
    route: decision.route,
  } satisfies BackupJournal);
  const control = new AbortController();
  const stopWatching = await watch(rooms, order, decision, work, control, context.signal);
  const marks = marksOf(rooms, journal);
  let committed = false;
  let source: Source | null = null;
  try {
    source = await context.step('Take the moment', () =>
      openSource(rooms, order, context, gathered, decision, { work, checkpoint, marks }),
    );
    const takenAt = world.clock.now();
    const held = source;
    const copied = await context.step('Read and store', () =>
      copyAll(held, decision, writer, context, { ...copying, signal: control.signal }),
    );
    const machine = gathered.record;
    const kept = await storeIdentity(world, hypervisor, machine, rooms.tpmFolders, writer);
    await held.stillTrue();
    if (control.signal.aborted) throw control.signal.reason;
    const manifest: PointManifest = {
      ...describePoint(rooms, gathered, decision),
      ...kept,
      ...copied,
      id: point,
      time: takenAt,
      seconds: (world.clock.monotonic() - since) / 1000,
      consistency: held.consistency,
      checkpoint,
      storedBytes: writer.stats().storedBytes,
    };
    await context.step('Seal the restore point', () => writer.commitPoint(manifest));
    committed = true;
    marks.note(committedStep, { point });
    return manifest;
  } catch (thrown) {
    const reason: unknown = control.signal.aborted ? control.signal.reason : thrown;
    throw await explainFailure(hypervisor, order, decision.route, reason);
  } finally {
    stopWatching();
    const clean = await context.step('Clean up', () =>
      cleanUp(rooms, order, { source, work, checkpoint, committed, marks, route: decision.route }),
    );
    if (clean) marks.close();
  }
}

/** What a manifest says of where it comes from. */
function describePoint(
  { host, installation }: BackupRooms,
  { record }: Gathered,
  { skipped }: BackupDecision,
) {
  return {
    format: 1 as const,
    machine: { uuid: record.uuid, name: record.name },
    host: { name: host.name, uri: host.uri },
    installation,
    skipped,
  };
}

/** The steps a backup journals, by which recovery knows what there is to undo. */
export const committedStep = 'committed';
export const freezingStep = 'freezing';
export const thawedStep = 'thawed';
export const startedStep = 'started';

interface Marks extends FreezeMarks {
  /** The guest was asked to freeze, and nobody said that it was thawed. */
  frozen(): boolean;
  /** Journals what only recovery needs to know: failing to must not fail the backup. */
  note(step: string, data: JsonValue): void;
  /** Nothing is left to undo. */
  close(): void;
}

function marksOf({ journals, world }: BackupRooms, journal: string): Marks {
  let frozen = false;
  const tolerate = (what: string, action: () => void) => {
    try {
      action();
    } catch (thrown) {
      world.log.error(`The journal of a backup does not say: ${what}`, thrown);
    }
  };
  const note = (step: string, data: JsonValue) => {
    tolerate(step, () => {
      journals.addStep(journal, step, data);
    });
  };
  return {
    note,
    close: () => {
      tolerate('closed', () => {
        journals.closeJournal(journal);
      });
    },
    frozen: () => frozen,
    begun: () => {
      journals.addStep(journal, freezingStep, {});
      frozen = true;
    },
    over: () => {
      frozen = false;
      note(thawedStep, {});
    },
  };
}

/** Throws `machine-busy` while another program backs it up; a left-over job of ours is ended. */
async function workFolderFor(
  { world, hypervisor, host, folders, installation }: BackupRooms,
  { uuid, name }: BackupOrder,
  { xml }: Gathered,
  { route }: BackupDecision,
): Promise<WorkFolder> {
  const identity = await qemuIdentity(world, xml, socketOfUri(host.uri));
  const owner = { uuid, installation };
  if (route === 'running') {
    const path = workFolderPath(world, folders, identity, owner);
    const whose = await jobOwner(hypervisor, uuid, path);
    if (whose === 'foreign') {
      throw new AppError('machine-busy', `Another program is backing ${name} up now.`, {
        unharmed: 'Its backup goes on, and nothing was changed.',
        advice: 'Wait until it is done, then try again.',
      });
    }
    if (whose === 'ours') {
      world.log.warn('A backup job that was left over is ended', { uuid });
      await endOurJob(hypervisor, uuid, path);
    }
  }
  return makeWorkFolder(world, folders, identity, owner);
}

/** Ends the copy when the person cancels, the scratch runs full or libvirt goes away. */
async function watch(
  rooms: BackupRooms,
  order: BackupOrder,
  decision: BackupDecision,
  work: WorkFolder,
  control: AbortController,
  cancelled: AbortSignal,
): Promise<() => void> {
  const stopScratch =
    decision.route === 'closed-image'
      ? () => undefined
      : await watchScratch(rooms.world, work.path, (error) => {
          control.abort(error);
        });
  // At once, and not when the copy has come to its end: the repository it writes to may hang, and
  // as long as the job is there the guest's writes fill the scratch file.
  control.signal.addEventListener('abort', () => {
    if (decision.route === 'closed-image') return;
    endOurJob(rooms.hypervisor, order.uuid, work.path).catch((thrown: unknown) => {
      rooms.world.log.warn('The job is ended later', { thrown: String(thrown) });
    });
  });
  const onCancel = () => {
    control.abort(new AppError('cancelled', 'Cancelled.'));
  };
  cancelled.addEventListener('abort', onCancel, { once: true });
  if (cancelled.aborted) onCancel();
  const stopListening = rooms.hypervisor.on((event) => {
    if (event.kind === 'connection' && event.state === 'lost') {
      control.abort(
        event.error ??
          new AppError('libvirt-connection-lost', 'The connection to libvirt was lost.'),
      );
    }
    if (event.kind === 'lifecycle' && event.uuid === order.uuid && event.event === 'stopped') {
      if (decision.route !== 'closed-image')
        control.abort(new AppError('machine-stopped', 'Stopped.'));
    }
  });
  return () => {
    stopScratch();
    stopListening();
    cancelled.removeEventListener('abort', onCancel);
  };
}

interface Moment {
  readonly work: WorkFolder;
  readonly checkpoint: string | null;
  readonly marks: Marks;
}

async function openSource(
  rooms: BackupRooms,
  order: BackupOrder,
  context: JobContext,
  { record }: Gathered,
  decision: BackupDecision,
  { work, checkpoint, marks }: Moment,
): Promise<Source> {
  const { world, hypervisor } = rooms;
  if (decision.route === 'closed-image') {
    const asleep = record.hasManagedSave;
    return openClosed(world, hypervisor, order.uuid, work.path, decision.disks, asleep);
  }
  const owner = { installation: rooms.installation, repository: rooms.repository.id };
  const spec = {
    uuid: order.uuid,
    disks: decision.disks,
    otherTargets: decision.otherTargets,
    checkpoint:
      checkpoint === null ? null : { name: checkpoint, description: describeOwner(owner) },
    freeze: marks,
  };
  if (decision.route === 'running') return openRunning(world, hypervisor, work, spec);
  return openPaused(world, hypervisor, work, spec, {
    onStarted: (run) => {
      marks.note(startedStep, { run });
    },
    onKept: () => {
      context.note('Somebody resumed the machine meanwhile, so it was left running.');
    },
  });
}

interface LeftOver extends Moment {
  readonly source: Source | null;
  readonly committed: boolean;
  readonly route: BackupDecision['route'];
}

/** True when nothing is left; otherwise the journal stays open and recovery tries again. */
async function cleanUp(
  rooms: BackupRooms,
  order: BackupOrder,
  { source, work, checkpoint, committed, marks, route }: LeftOver,
): Promise<boolean> {
  const { world, hypervisor } = rooms;
  let clean = true;
  const tolerate = async (what: string, action: () => Promise<void>) => {
    try {
      await action();
    } catch (thrown) {
      clean = false;
      world.log.error(`Cleaning up after a backup: ${what}`, thrown);
    }
  };
  if (marks.frozen()) {
    await tolerate('thawing the guest', async () => {
      await thawAgain(hypervisor, order.uuid);
      marks.over();
    });
  }
  // Also where beginning failed: a call that was cut off may have been carried out.
  if (route !== 'closed-image')
    await tolerate('ending the job', () => endOurJob(hypervisor, order.uuid, work.path));
  // The checkpoint goes while the machine still runs: a stopped one keeps its bitmap otherwise.
  if (checkpoint !== null && !committed) {
    await tolerate('removing the new checkpoint', () =>
      dropCheckpoint(world, hypervisor, order.uuid, checkpoint),
    );
  }
  if (checkpoint !== null && committed) {
    await tolerate('removing the replaced checkpoint', () =>
      retireOlder(world, hypervisor, order.uuid, checkpoint, {
        installation: rooms.installation,
        repository: rooms.repository.id,
      }),
    );
  }
  await tolerate('ending the source', () => source?.end() ?? Promise.resolve());
  // A job that could not be ended still grows its scratch files: they stay in sight until it is.
  if (clean) await tolerate('removing the work folder', () => work.remove());
  return clean;
}
