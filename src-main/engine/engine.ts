/**
 * The engine: all that Waymark knows, wired from its rooms. It runs in any Node, owns one data
 * folder at a time, answers the contract and sends its events. It never learns which host carries
 * it.
 */
import { join } from 'node:path';
import type { Emit, Handlers } from '#contract/contract.ts';
import type { AppInfo } from '#contract/app.ts';
import { openCatalog, type Catalog } from '#engine/catalog/catalog.ts';
import type { HostRecord } from '#engine/catalog/hosts.ts';
import { ownDataFolder } from '#engine/catalog/ownership.ts';
import { createCheckpointStates, type KnownStates } from '#engine/checkpoint/states.ts';
import { createAwake, type Awake } from '#engine/computer/awake.ts';
import { createFleet, type Fleet } from '#engine/fleet/fleet.ts';
import { createMomentsWatch, type MomentsWatch } from '#engine/fleet/moments-watch.ts';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import { openLibvirt } from '#engine/hypervisor/libvirt.ts';
import { createChangeLog, type ChangeLog } from '#engine/interlock/change-log.ts';
import { createPictures, type Pictures } from '#engine/interlock/pictures.ts';
import type { Jobs } from '#engine/jobs/job-types.ts';
import { createJobs } from '#engine/jobs/jobs.ts';
import { createNews, type NewsRoom } from '#engine/news/news.ts';
import { createPractice, type Practice } from '#engine/practice/practice.ts';
import { createShelf, type RepositoryShelf } from '#engine/repositories/repositories.ts';
import { createSecrets, type Secrets } from '#engine/world/secrets.ts';
import { computerName } from '#engine/world/user.ts';
import type { World } from '#engine/world/world.ts';
import { announceJobs } from './handlers/announce-jobs.ts';
import { actionHandlers } from './handlers/actions.ts';
import { appHandlers } from './handlers/app.ts';
import { backgroundHandlers } from './handlers/background.ts';
import { backupHandlers } from './handlers/backups.ts';
import { doctorHandlers } from './handlers/doctor.ts';
import { statesParts } from './handlers/checkpoint-states.ts';
import { hostHandlers } from './handlers/hosts.ts';
import { jobHandlers } from './handlers/jobs.ts';
import { keptPointHandlers } from './handlers/kept-points.ts';
import { machineHandlers } from './handlers/machines.ts';
import { momentHandlers } from './handlers/moments.ts';
import { newsHandlers } from './handlers/news.ts';
import { planPreviewHandlers } from './handlers/plan-preview.ts';
import { planHandlers, type Schedule } from './handlers/plans.ts';
import { pointHandlers } from './handlers/points.ts';
import { practiceHandlers } from './handlers/practice.ts';
import { createWeeklyReport, type WeeklyReport } from './handlers/weekly-report.ts';
import { watchTriggers } from './handlers/triggers.ts';
import { createRecovery, type Recovery } from './handlers/recovery.ts';
import { repositoryHandlers } from './handlers/repositories.ts';
import { makeReport } from './handlers/report.ts';
import { restoreHandlers } from './handlers/restores.ts';
import { createSchedule } from './handlers/schedule.ts';

export interface EngineOptions {
  /** The folder with the catalog, keys and indexes; made with mode 0700 if it is not there. */
  readonly dataFolder: string;
  /** A private folder for sockets, with a short path. */
  readonly runtimeFolder: string;
  readonly front: AppInfo['front'];
  readonly version: string;
  /** Name of the user, for commands shown in advice. */
  readonly user: string;
  /** The user's configuration folder, where a session libvirt keeps TPM state. */
  readonly configFolder: string;
  /**
   * Whether plans begin by themselves while this engine is up; default false. A command that ends
   * soon must not begin a backup: there they run when it asks ("plan run", "plan run-due").
   */
  readonly runsPlans?: boolean;
  /** What starts this copy again, by itself; absent where nothing could. */
  readonly launch?: {
    /** Runs the `waymark` command; its arguments come after. */
    readonly command: readonly string[];
    /** Starts the desktop application without a window; null where there is none. */
    readonly desktop: readonly string[] | null;
  };
  /** Where the store's worker entry is when the engine runs as a bundle. */
  readonly workerUrl?: URL;
  /** Where the practice machine's boot image is when the engine runs as a bundle. */
  readonly practiceResources?: string;
}

export interface Engine {
  readonly handlers: Handlers;
  /** Returns the function that ends the subscription. */
  onEvent(listener: Emit): () => void;
  /** Begins connecting to hosts and opening repositories; resolves at once. */
  start(): Promise<void>;
  /** Resolves when every host and repository was tried once: what a command needs to see all. */
  settled(): Promise<void>;
  /** Cancels jobs, closes everything and gives the data folder free. */
  stop(): Promise<void>;
}

/** What the handlers are made from. */
export interface Rooms {
  readonly world: World;
  readonly options: EngineOptions;
  readonly catalog: Catalog;
  readonly secrets: Secrets;
  readonly fleet: Fleet;
  readonly shelf: RepositoryShelf;
  readonly jobs: Jobs;
  readonly practice: Practice;
  readonly changeLog: ChangeLog;
  readonly pictures: Pictures;
  readonly momentsWatch: MomentsWatch;
  readonly checkpointStates: KnownStates;
  readonly news: NewsRoom;
  readonly awake: Awake;
  readonly emit: Emit;
  /** A connection of one's own to a host, to be closed after use. */
  connect(host: HostRecord): Promise<Hypervisor>;
  /** Resolves when nothing is being undone from before a crash: a new job must not meet it. */
  recovered(): Promise<void>;
  /** See Recovery.enter: for a job that changes the machine. */
  enterMachine(host: HostRecord, uuid: string): Promise<() => void>;
}

/** How long plans wait for hosts and repositories that do not answer; milliseconds. */
const startPatienceMs = 20_000;

const indexFolderName = 'index';

/** Throws `data-folder-in-use` when another engine owns the folder. */
export async function createEngine(world: World, options: EngineOptions): Promise<Engine> {
  await world.files.makeFolder(join(options.dataFolder, indexFolderName)); // and what it is in
  const ownership = await ownDataFolder(world, options.dataFolder);
  try {
    return await wire(world, options, ownership.release.bind(ownership));
  } catch (thrown) {
    ownership.release();
    throw thrown;
  }
}

async function wire(world: World, options: EngineOptions, release: () => void): Promise<Engine> {
  const { dataFolder } = options;
  const catalog = await openCatalog(world, dataFolder);
  const listeners = new Set<Emit>();
  const emit: Emit = (name, payload) => {
    for (const listener of listeners) listener(name, payload);
  };
  const secrets = createSecrets(world.processes, world.files, dataFolder);
  const practice = practiceOf(world, options);
  const connect = async (host: HostRecord) => {
    const uri = host.practice ? (await practice.ensureHost()).uri : host.uri;
    return openLibvirt(uri, world);
  };
  const awake = createAwake(world);
  const jobs = createJobs({ world, catalog, emit: announceJobs(emit, () => fleet, awake) });
  const fleet: Fleet = createFleet({
    world,
    catalog,
    emit,
    open: connect,
    jobOf: (machine) => jobs.ofMachine(machine),
    changedOf: (machine) => checkpointStates.changedOf(machine),
    standingOf: (uuid) => schedule.scheduler.knowledge.ofMachine(uuid),
    onConnected: (host) => {
      recovery.hostConnected(host);
      schedule.scheduler.wake();
    },
  });
  const checkpointStates = createCheckpointStates(
    statesParts({ world, catalog, fleet, jobs, emit }),
  );
  const shelf = createShelf({
    world,
    catalog,
    secrets,
    emit,
    indexFolder: join(dataFolder, indexFolderName),
    ...(options.workerUrl === undefined ? {} : { workerUrl: options.workerUrl }),
    onPoints: (uuids) => {
      for (const uuid of uuids) fleet.touch(uuid);
    },
  });
  const rooms: Rooms = {
    world,
    options,
    catalog,
    secrets,
    fleet,
    shelf,
    jobs,
    practice,
    changeLog: createChangeLog(world, catalog.journals, join(dataFolder, 'changes')),
    pictures: createPictures(world, join(dataFolder, 'pictures')),
    momentsWatch: watchMoments(world, fleet, emit),
    checkpointStates,
    news: await createNews({ world, catalog, emit, dataFolder, computer: computerName() }),
    awake,
    emit,
    connect,
    recovered: () => recovery.settled(),
    enterMachine: (host, uuid) => recovery.enter(host, uuid),
  };
  const recovery = createRecovery(rooms);
  const schedule: Schedule = createSchedule(rooms);
  const weekly = createWeeklyReport(rooms, () => makeReport(rooms, schedule));
  return assemble(rooms, listeners, { recovery, schedule, weekly }, release);
}

function practiceOf(world: World, options: EngineOptions): Practice {
  return createPractice(world, {
    folder: join(options.dataFolder, 'practice'),
    runtimeFolder: options.runtimeFolder,
    hypervisor: (uri) => openLibvirt(uri, world),
    ...(options.practiceResources === undefined ? {} : { resources: options.practiceResources }),
  });
}

/** What is made from the rooms and works by itself. */
interface Workers {
  readonly recovery: Recovery;
  readonly schedule: Schedule;
  readonly weekly: WeeklyReport;
}

function assemble(
  rooms: Rooms,
  listeners: Set<Emit>,
  workers: Workers,
  release: () => void,
): Engine {
  const { fleet, shelf, jobs, catalog, momentsWatch, checkpointStates, news } = rooms;
  const { recovery, schedule, weekly } = workers;
  const stopping = new AbortController();
  const stopTriggers = watchTriggers(rooms, schedule.scheduler);
  return {
    handlers: {
      ...appHandlers(rooms),
      ...hostHandlers(rooms),
      ...machineHandlers(rooms),
      ...actionHandlers(rooms, schedule),
      ...doctorHandlers(rooms),
      ...momentHandlers(rooms),
      ...repositoryHandlers(rooms),
      ...pointHandlers(rooms),
      ...backupHandlers(rooms),
      ...restoreHandlers(rooms),
      ...jobHandlers(rooms),
      ...practiceHandlers(rooms),
      ...planHandlers(schedule, () => weekly.once()),
      ...planPreviewHandlers(rooms),
      ...keptPointHandlers(rooms),
      ...newsHandlers(rooms, schedule),
      ...backgroundHandlers(rooms, schedule),
    },
    onEvent: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    start: async () => {
      await recovery.begin();
      shelf.start();
      fleet.start();
      checkpointStates.start();
      news.start();
      if (rooms.options.runsPlans === true) void startPlans(rooms, workers, stopping.signal);
    },
    settled: async () => {
      await Promise.all([shelf.settled(), fleet.settled()]);
      await recovery.settled();
    },
    stop: async () => {
      stopping.abort();
      stopTriggers();
      await schedule.stop();
      await jobs.stop();
      momentsWatch.stop();
      const nothingAsked = checkpointStates.stop();
      await recovery.stop();
      await fleet.stop(); // ends what libvirt is being asked
      await nothingAsked;
      await shelf.stop();
      await weekly.stop();
      await news.stop();
      catalog.close();
      release();
    },
  };
}

/** Plans begin when hosts and repositories were tried once, or after a while without them. */
async function startPlans(
  { world, shelf, fleet }: Rooms,
  { recovery, schedule, weekly }: Workers,
  stopping: AbortSignal,
): Promise<void> {
  const tried = Promise.all([shelf.settled(), fleet.settled()]).then(() => recovery.settled());
  const waited = world.clock.sleep(startPatienceMs, stopping).catch(() => undefined);
  await Promise.race([tried, waited]);
  if (stopping.aborted) return; // it ended before its hosts were tried
  schedule.scheduler.start();
  weekly.start();
}

function watchMoments(world: World, fleet: Fleet, emit: Emit): MomentsWatch {
  return createMomentsWatch({
    world,
    find: (machine) => {
      const { hypervisor, record } = fleet.find(machine);
      return { hypervisor, uuid: record.uuid };
    },
    changed: (machine) => {
      emit('timeline.changed', { machine });
    },
  });
}
