/**
 * The one contract: every call the engine answers and every event it sends. Handlers, client, the
 * preload's allow-list and every test double are computed from this object, so a new call is three
 * lines: here, its handler, its caller.
 */
import * as v from 'valibot';
import { actionCheck, type ActionPlan } from './actions.ts';
import type { AppInfo, FolderCheck } from './app.ts';
import type {
  BackupPlan,
  Host,
  Job,
  JobId,
  Machine,
  MachineId,
  Point,
  Repository,
  RestorePlan,
  Run,
} from './domain.ts';
import {
  hostId,
  idText,
  jobId,
  machineId,
  nameCheck,
  nothing,
  password,
  pathCheck,
  planId,
  planRunId,
  pointId,
  pointIds,
  repositoryId,
  restoreTargetCheck,
  snapshotName,
  someRows,
  target,
  text,
  unfinishedId,
} from './inputs.ts';
import type { CheckpointStates, DoctorReport, Timeline, Unfinished } from './moments.ts';
import {
  channelNames,
  channelsCheck,
  type Background,
  type Channels,
  type ChannelTest,
  type News,
} from './news.ts';
import {
  planDraftCheck,
  type CleanUpPlan,
  type Plan,
  type PlanCheck,
  type PlanRun,
  type PlanTime,
  type RemovedPoint,
  type RetentionPreview,
} from './plans.ts';

export interface Call<Schema extends v.GenericSchema, Output> {
  readonly kind: 'call';
  readonly input: Schema;
  /** Type only; never present at run time. */
  readonly output?: Output;
}

export interface Event<Payload> {
  readonly kind: 'event';
  readonly payload?: Payload;
}

function call<Schema extends v.GenericSchema>(
  input: Schema,
): { returns: <Output>() => Call<Schema, Output> } {
  return { returns: () => ({ kind: 'call', input }) };
}

function event<Payload>(): Event<Payload> {
  return { kind: 'event' };
}

/** The only places outside that the application opens; the host knows their addresses. */
export const linkKeys = [
  'libvirt-connect',
  'libvirt-permissions',
  'libvirt-checkpoints',
  'qemu-backup',
] as const;
export type LinkKey = (typeof linkKeys)[number];

/** What a file dialog ended with; `unsupported` where this way in has none: type the path. */
export type Picked =
  | { readonly kind: 'picked'; readonly path: string }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'unsupported' };
export type DesktopDone = { readonly kind: 'done' } | { readonly kind: 'unsupported' };

// The contract -----------------------------------------------------------------------------------

export const contract = {
  'app.info': call(nothing).returns<AppInfo>(),

  'hosts.list': call(nothing).returns<readonly Host[]>(),
  /** Connects first; a host that cannot be reached is not added and the error says why. */
  'hosts.add': call(
    v.strictObject({ name: v.nullable(nameCheck), uri: v.pipe(text, v.minLength(1)) }),
  ).returns<Host>(),
  'hosts.remove': call(v.strictObject({ host: hostId })).returns<null>(),
  /** Tries a failed host again now. */
  'hosts.retry': call(v.strictObject({ host: hostId })).returns<Host>(),

  'machines.list': call(v.strictObject({ host: v.nullable(hostId) })).returns<readonly Machine[]>(),
  'machines.get': call(v.strictObject({ machine: machineId })).returns<Machine>(),
  'machines.timeline': call(v.strictObject({ machine: machineId })).returns<Timeline>(),
  'machines.start': call(v.strictObject({ machine: machineId })).returns<null>(),
  /** A picture of the machine's screen now; null when it is off or has none. */
  'machines.screenshot': call(v.strictObject({ machine: machineId })).returns<{
    readonly mime: string;
    readonly base64: string;
  } | null>(),

  /** What the action would do here and now; changes nothing. Refusals are plans too. */
  'actions.plan': call(
    v.strictObject({ machine: machineId, action: actionCheck }),
  ).returns<ActionPlan>(),
  /**
   * Runs what `actions.plan` showed. `refused` when the plan says no, a tick or the typed name is
   * missing, or `fingerprint` is not that of the plan as it is now (data.changed true).
   */
  'actions.start': call(
    v.strictObject({
      machine: machineId,
      action: actionCheck,
      fingerprint: idText,
      accepted: v.array(idText),
      /** What the person typed to confirm; null where nothing is asked. */
      typed: v.nullable(text),
    }),
  ).returns<JobId>(),
  /** Changes that stopped half way and wait for a person. */
  'unfinished.list': call(nothing).returns<readonly Unfinished[]>(),
  'unfinished.resolve': call(
    v.strictObject({ id: unfinishedId, how: v.picklist(['finish', 'undo', 'leave']) }),
  ).returns<JobId>(),

  /** The screen as it was when the snapshot was taken; null when none was kept. */
  'snapshots.picture': call(v.strictObject({ machine: machineId, name: snapshotName })).returns<{
    readonly mime: string;
    readonly base64: string;
  } | null>(),
  /** Bitmap health and bytes changed since; from memory when libvirt was asked a moment ago. */
  'checkpoints.states': call(v.strictObject({ machine: machineId })).returns<CheckpointStates>(),
  /** `details` also asks QEMU itself, which marks the running machine as tainted. */
  'doctor.examine': call(
    v.strictObject({ machine: machineId, details: v.boolean() }),
  ).returns<DoctorReport>(),

  'repositories.list': call(nothing).returns<readonly Repository[]>(),
  /** `password` null makes it unencrypted. The recovery code is in this reply and nowhere else. */
  'repositories.create': call(
    v.strictObject({
      name: nameCheck,
      path: pathCheck,
      password: v.nullable(password),
      remember: v.boolean(),
      blockSizeBytes: v.optional(v.pipe(v.number(), v.safeInteger())),
    }),
  ).returns<{ readonly repository: Repository; readonly recoveryCode: string | null }>(),
  /** Opens one made anywhere; password or recovery code; null for an unencrypted one. */
  'repositories.add': call(
    v.strictObject({
      name: nameCheck,
      path: pathCheck,
      password: v.nullable(password),
      remember: v.boolean(),
    }),
  ).returns<Repository>(),
  'repositories.unlock': call(
    v.strictObject({ repository: repositoryId, password, remember: v.boolean() }),
  ).returns<Repository>(),
  /** Forgets it here; its folder is not touched. */
  'repositories.remove': call(v.strictObject({ repository: repositoryId })).returns<null>(),
  'repositories.password': call(
    v.strictObject({ repository: repositoryId, password, newPassword: password }),
  ).returns<null>(),
  'repositories.confirm-recovery': call(
    v.strictObject({ repository: repositoryId }),
  ).returns<Repository>(),
  'repositories.verify': call(
    v.strictObject({ repository: repositoryId, readData: v.boolean() }),
  ).returns<JobId>(),
  'repositories.rebuild': call(v.strictObject({ repository: repositoryId })).returns<JobId>(),
  /** What a clean-up would delete and free now; changes nothing. */
  'repositories.plan-clean-up': call(
    v.strictObject({ repository: repositoryId }),
  ).returns<CleanUpPlan>(),
  /** Frees the space of points removed longer ago than the grace period. */
  'repositories.clean-up': call(v.strictObject({ repository: repositoryId })).returns<JobId>(),

  'points.list': call(
    v.strictObject({
      machineUuid: v.nullable(idText),
      repository: v.nullable(repositoryId),
    }),
  ).returns<readonly Point[]>(),
  'points.get': call(v.strictObject({ point: pointId })).returns<Point>(),
  'points.verify': call(v.strictObject({ point: pointId })).returns<JobId>(),
  /** Removed, they can be taken back until a clean-up. The last of a machine needs `last` true. */
  'points.delete': call(v.strictObject({ points: pointIds, last: v.boolean() })).returns<JobId>(),
  /** A pinned point is removed by no rule. It says so in the repository itself. */
  'points.pin': call(v.strictObject({ point: pointId, pinned: v.boolean() })).returns<Point>(),
  /** Those that were removed and can be taken back until the clean-up. */
  'points.removed': call(v.strictObject({ repository: v.nullable(repositoryId) })).returns<
    readonly RemovedPoint[]
  >(),
  'points.take-back': call(v.strictObject({ points: pointIds })).returns<null>(),

  'backup.plan': call(
    v.strictObject({
      machine: machineId,
      repository: repositoryId,
      exclude: v.array(target),
      reread: v.boolean(),
    }),
  ).returns<BackupPlan>(),
  'backup.start': call(
    v.strictObject({
      machine: machineId,
      repository: repositoryId,
      exclude: v.array(target),
      reread: v.boolean(),
      /** Ids of warnings the person ticked. */
      accepted: v.array(idText),
    }),
  ).returns<JobId>(),

  'restore.plan': call(
    v.strictObject({ point: pointId, to: restoreTargetCheck }),
  ).returns<RestorePlan>(),
  'restore.start': call(
    v.strictObject({ point: pointId, to: restoreTargetCheck, accepted: v.array(idText) }),
  ).returns<JobId>(),

  'plans.list': call(nothing).returns<readonly Plan[]>(),
  'plans.get': call(v.strictObject({ plan: planId })).returns<Plan>(),
  'plans.create': call(v.strictObject({ draft: planDraftCheck })).returns<Plan>(),
  'plans.change': call(v.strictObject({ plan: planId, draft: planDraftCheck })).returns<Plan>(),
  /** Its points and its past runs stay. `plans.bring-back` undoes it. */
  'plans.remove': call(v.strictObject({ plan: planId })).returns<null>(),
  'plans.bring-back': call(v.strictObject({ plan: planId })).returns<Plan>(),
  /** What is wrong with a draft, its next times, the machines it means. */
  'plans.check': call(
    v.strictObject({ draft: planDraftCheck, plan: v.nullable(planId) }),
  ).returns<PlanCheck>(),
  /** Which points would stay and go, on the real points, now and a year from now. */
  'plans.preview': call(
    v.strictObject({ draft: planDraftCheck, plan: v.nullable(planId) }),
  ).returns<RetentionPreview>(),
  /** Begins a run of every machine of the plan, or of one, whatever the calendar says. */
  'plans.run': call(v.strictObject({ plan: planId, machine: v.nullable(machineId) })).returns<
    readonly PlanRun[]
  >(),
  /** Looks at every plan now and begins what is due: for a timer of one's own. */
  'plans.run-due': call(nothing).returns<readonly PlanRun[]>(),
  'plans.pause': call(
    v.strictObject({ plan: planId, until: v.nullable(v.pipe(v.number(), v.safeInteger())) }),
  ).returns<Plan>(),
  'plans.resume': call(v.strictObject({ plan: planId })).returns<Plan>(),
  /** Newest first; `before` is the `due` of the last row seen. */
  'plans.runs': call(
    v.strictObject({
      plan: v.nullable(planId),
      machineUuid: v.nullable(idText),
      before: v.nullable(v.number()),
      limit: someRows,
    }),
  ).returns<readonly PlanRun[]>(),
  /** Past and coming times for the calendar strip; at most 1,000. */
  'plans.times': call(v.strictObject({ plan: planId, from: v.number(), to: v.number() })).returns<
    readonly PlanTime[]
  >(),
  /** Begins a waiting run although its condition is not met. */
  'plan-runs.run-now': call(v.strictObject({ run: planRunId })).returns<PlanRun>(),
  'plan-runs.skip': call(v.strictObject({ run: planRunId })).returns<PlanRun>(),

  'channels.get': call(nothing).returns<Channels>(),
  'channels.set': call(v.strictObject({ channels: channelsCheck })).returns<Channels>(),
  /** Sends a test by the channel as it is in `channels`, saved or not. */
  'channels.test': call(
    v.strictObject({ channel: v.picklist(channelNames), channels: channelsCheck }),
  ).returns<ChannelTest>(),
  /** The report of the last seven days as one HTML page. */
  'report.make': call(nothing).returns<{ readonly html: string; readonly name: string }>(),

  'background.get': call(nothing).returns<Background>(),
  'background.service': call(v.strictObject({ installed: v.boolean() })).returns<Background>(),
  'background.autostart': call(v.strictObject({ installed: v.boolean() })).returns<Background>(),

  'jobs.list': call(v.strictObject({ all: v.boolean() })).returns<readonly Job[]>(),
  'jobs.get': call(v.strictObject({ job: jobId })).returns<Job>(),
  /** Answers at once with the job as `cancelling`, or as it ended. */
  'jobs.cancel': call(v.strictObject({ job: jobId })).returns<Job>(),

  /** Newest first; `before` is the startedAt of the last row seen. */
  'history.list': call(v.strictObject({ before: v.nullable(v.number()), limit: someRows })).returns<
    readonly Run[]
  >(),

  /**
   * Creates and starts the practice machine, with its unencrypted repository beside it if asked.
   */
  'practice.create': call(v.strictObject({ repository: v.boolean() })).returns<JobId>(),
  'practice.start': call(nothing).returns<null>(),
  'practice.stop': call(nothing).returns<null>(),
  'practice.remove': call(nothing).returns<null>(),

  'folders.check': call(v.strictObject({ path: text })).returns<FolderCheck>(),

  // Answered by the host, not the engine: what only the window's own computer can do.
  'desktop.pick-folder': call(
    v.strictObject({ title: v.pipe(v.string(), v.maxLength(200)), start: v.nullable(pathCheck) }),
  ).returns<Picked>(),
  /** Asks where a new file goes; nothing is created. */
  'desktop.pick-file': call(
    v.strictObject({
      title: v.pipe(v.string(), v.maxLength(200)),
      start: v.nullable(pathCheck),
      purpose: v.picklist(['open', 'save']),
    }),
  ).returns<Picked>(),
  /** Shows a file or folder in the file manager. */
  'desktop.reveal': call(v.strictObject({ path: pathCheck })).returns<DesktopDone>(),
  /** Opens one of the fixed addresses in the user's browser; never an address from a screen. */
  'desktop.open-link': call(v.strictObject({ link: v.picklist(linkKeys) })).returns<DesktopDone>(),

  // Events. Each carries the whole record as it is now; a list is replaced, never patched.
  'hosts.changed': event<readonly Host[]>(),
  'machines.changed': event<{ readonly machine: Machine }>(),
  'machines.removed': event<{ readonly machine: MachineId }>(),
  /** Snapshots, checkpoints or points of this machine changed: ask for its timeline again. */
  'timeline.changed': event<{ readonly machine: MachineId }>(),
  'unfinished.changed': event<readonly Unfinished[]>(),
  'repositories.changed': event<readonly Repository[]>(),
  'plans.changed': event<readonly Plan[]>(),
  'plan-runs.changed': event<PlanRun>(),
  news: event<News>(),
  'jobs.changed': event<Job>(),
  'app.changed': event<AppInfo>(),
  /** The wire dropped events or the engine restarted: read everything again. */
  'state.reset': event<null>(),
} as const;

export type Contract = typeof contract;
type Names<Kind extends 'call' | 'event'> = {
  [K in keyof Contract]: Contract[K]['kind'] extends Kind ? K : never;
}[keyof Contract];

export type CallName = Names<'call'>;
export type EventName = Names<'event'>;
export type Input<Name extends CallName> = v.InferOutput<Contract[Name]['input']>;
export type Output<Name extends CallName> =
  Contract[Name] extends Call<v.GenericSchema, infer Result> ? Result : never;
export type Payload<Name extends EventName> =
  Contract[Name] extends Event<infer Value> ? Value : never;

/** The calls a host answers itself; all others are the engine's. */
export type DesktopCallName = Extract<CallName, `desktop.${string}`>;
export type EngineCallName = Exclude<CallName, DesktopCallName>;

type HandlersOf<Name extends CallName> = {
  readonly [Key in Name]: (input: Input<Key>) => Promise<Output<Key>>;
};

/** The engine's part: one function per call. A forgotten one does not compile. */
export type Handlers = HandlersOf<EngineCallName>;
/** The host's part, see host/desktop.ts. */
export type DesktopHandlers = HandlersOf<DesktopCallName>;
/** What a dispatcher answers with: both parts. */
export type AllHandlers = HandlersOf<CallName>;

export const callNames = Object.keys(contract).filter(
  (name): name is CallName => contract[name as keyof Contract].kind === 'call',
);
export const eventNames = Object.keys(contract).filter(
  (name): name is EventName => contract[name as keyof Contract].kind === 'event',
);

/** Sends one event to whoever listens. */
export type Emit = <Name extends EventName>(name: Name, payload: Payload<Name>) => void;
