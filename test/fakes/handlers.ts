/**
 * A whole pretend engine in memory: the screens and the command line can be used and tested without
 * libvirt. It answers every call of the contract (a new one does not compile until it is here) and
 * sends the events a real engine would. It promises plausible data, not real behaviour.
 *
 * By name: `mail` fails for lack of space, `jenkins` finishes with problems, `win11-tax` is refused
 * by the pre-flight; every password but "wrong" opens. `nextcloud` has a checkpoint in the way of
 * its snapshots, `win11-tax` a snapshot that cannot be gone back to, `mail` what a doctor finds.
 */
import type { Emit, EventName, Handlers, Payload } from '#contract/contract.ts';
import type { AppInfo } from '#contract/app.ts';
import type { Machine, MachineId, Point, Repository } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import { createDemoJobs, isOver, type DemoJobs } from './demo-jobs.ts';
import { actionHandlers } from './demo-actions.ts';
import { demoInfo, demoState, type DemoState, type DemoStateName } from './demo-state.ts';
import { runOf } from './demo-points.ts';
import { backupHandlers } from './demo-backup.ts';
import { hostHandlers } from './demo-hosts.ts';
import { momentHandlers } from './demo-moments.ts';
import { repositoryHandlers } from './demo-repositories.ts';
import { keptHandlers } from './demo-kept.ts';
import { newsHandlers } from './demo-news.ts';
import { followJobs, plannedMachines, scheduleHandlers } from './demo-schedule.ts';

export interface FakeOptions {
  readonly state?: DemoStateName;
  readonly now?: () => number;
  /** How long a pretend job takes; default 8. */
  readonly secondsPerJob?: number;
  readonly front?: AppInfo['front'];
}

export interface FakeEngine {
  readonly handlers: Handlers;
  /** What it holds, for a test to change or look at. */
  readonly state: DemoState;
  readonly emit: Emit;
  onEvent(listener: Emit): () => void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** What the parts of the pretend engine share. */
export interface Demo {
  readonly state: DemoState;
  readonly jobs: DemoJobs;
  readonly emit: Emit;
  readonly now: () => number;
  readonly secondsPerJob: number;
  machine(id: MachineId): Machine;
  repository(id: Repository['id']): Repository;
  point(id: Point['id']): Point;
  putMachine(machine: Machine): void;
  putRepository(repository: Repository): void;
  newId(): string;
}

function find<T>(found: T | undefined, missing: () => AppError): T {
  if (found === undefined) throw missing();
  return found;
}

function createDemo(options: FakeOptions, emit: Emit): Demo {
  const now = options.now ?? (() => Date.now());
  const state = demoState(options.state ?? 'full', now());
  const secondsPerJob = options.secondsPerJob ?? 8;
  let ids = 0;
  const demo: Demo = {
    state,
    emit,
    now,
    secondsPerJob,
    jobs: createDemoJobs(emit, now, secondsPerJob, (job) => {
      const run = runOf(job);
      if (run !== null) state.runs.unshift(run);
      const machine = state.machines.find((one) => one.id === job.machine?.id);
      if (machine === undefined) return;
      const current = isOver(job) ? null : job.id;
      if (machine.job !== current) demo.putMachine({ ...machine, job: current });
    }),
    machine: (id) =>
      find(
        state.machines.find((machine) => machine.id === id),
        () => new AppError('machine-not-found', `There is no machine ${id}.`),
      ),
    repository: (id) =>
      find(
        state.repositories.find((repository) => repository.id === id),
        () => new AppError('repository-not-found', `There is no repository ${id}.`),
      ),
    point: (id) =>
      find(
        state.points.find((point) => point.id === id),
        () => new AppError('point-not-found', `There is no restore point ${id}.`),
      ),
    putMachine(machine) {
      const at = state.machines.findIndex((one) => one.id === machine.id);
      if (at < 0) state.machines.push(machine);
      else state.machines[at] = machine;
      emit('machines.changed', { machine });
    },
    putRepository(repository) {
      const at = state.repositories.findIndex((one) => one.id === repository.id);
      if (at < 0) state.repositories.push(repository);
      else state.repositories[at] = repository;
      emit('repositories.changed', [...state.repositories]);
    },
    newId: () => {
      ids += 1;
      return `new-${ids}`;
    },
  };
  return demo;
}

/** A pretend engine in a named starting state. */
export function createFakeEngine(options: FakeOptions = {}): FakeEngine {
  const listeners = new Set<Emit>();
  const emit = <Name extends EventName>(name: Name, payload: Payload<Name>) => {
    for (const listener of listeners) listener(name, payload);
  };
  const demo = createDemo(options, emit);
  demo.state.machines = plannedMachines(demo);
  listeners.add(followJobs(demo));
  const handlers: Handlers = {
    'app.info': () => Promise.resolve(demoInfo(demo.state, options.front ?? 'browser')),
    ...hostHandlers(demo),
    ...repositoryHandlers(demo),
    ...scheduleHandlers(demo),
    ...keptHandlers(demo),
    ...newsHandlers(demo),
    ...backupHandlers(demo),
    ...actionHandlers(demo),
    ...momentHandlers(demo),
  };
  return {
    handlers: settled(handlers),
    state: demo.state,
    emit,
    onEvent: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    start: () => Promise.resolve(),
    stop: () => {
      demo.jobs.stop();
      listeners.clear();
      return Promise.resolve();
    },
  };
}

/** Turns a thrown error into a rejection, as every real handler does. */
function settled(handlers: Handlers): Handlers {
  const entries = Object.entries(handlers).map(([name, handler]) => {
    const call = handler as (input: unknown) => Promise<unknown>;
    return [name, async (input: unknown) => await call(input)] as const;
  });
  return Object.fromEntries(entries) as unknown as Handlers;
}
