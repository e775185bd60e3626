/** The pretend engine's hosts, machines, practice machine and folders. */
import type { Handlers } from '#contract/contract.ts';
import type { Host, HostId, Machine, RepositoryId } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import { demoMachine, gib, here, practiceHost, practiceMachine, rows } from './demo-machines.ts';
import { demoPicture } from './demo-pictures.ts';
import { demoInfo, demoRepository, failureOf } from './demo-state.ts';
import { storyTimeline } from './demo-story.ts';
import type { Demo } from './handlers.ts';

type HostCalls =
  | `hosts.${string}`
  | `machines.${string}`
  | `practice.${string}`
  | `folders.${string}`
  | `history.${string}`
  | `jobs.${string}`;
type Part = Pick<Handlers, Extract<keyof Handlers, HostCalls>>;

function connected(id: HostId, name: string, uri: string, practice = false): Host {
  const state = {
    kind: 'connected',
    libvirtVersion: '9.0.0',
    hypervisorVersion: '7.2.22',
    readOnly: false,
  } as const;
  return { id, name, uri, practice, state, machineCount: 0 };
}

function hostCalls(demo: Demo): Pick<Part, Extract<keyof Part, `hosts.${string}`>> {
  const { state, emit } = demo;
  return {
    'hosts.list': async () => [...state.hosts],
    'hosts.add': async ({ name, uri }) => {
      if (uri.includes('nowhere')) {
        const { code, message, data } = failureOf('unreachable');
        throw new AppError(code, message, data);
      }
      if (state.hosts.some((host) => host.uri === uri && host.state.kind === 'connected')) {
        throw new AppError('name-taken', `${uri} is already in the list.`);
      }
      state.hosts = state.hosts.filter((host) => host.uri !== uri);
      const id = uri === 'qemu:///system' ? here.id : (`host-${demo.newId()}` as HostId);
      const machines = rows
        .filter((row) => row.host.id === id)
        .map((row) =>
          demoMachine({ ...row, age: null, protection: 'never' }, rows.indexOf(row), demo.now()),
        );
      const host = {
        ...connected(id, name ?? (id === here.id ? here.name : uri), uri),
        machineCount: machines.length,
      };
      state.hosts.push(host);
      emit('hosts.changed', [...state.hosts]);
      for (const machine of machines) demo.putMachine(machine);
      return host;
    },
    'hosts.remove': async ({ host }) => {
      state.hosts = state.hosts.filter((one) => one.id !== host);
      for (const machine of state.machines.filter((one) => one.host.id === host)) {
        emit('machines.removed', { machine: machine.id });
      }
      state.machines = state.machines.filter((one) => one.host.id !== host);
      emit('hosts.changed', [...state.hosts]);
      return null;
    },
    'hosts.retry': async ({ host }) => {
      const found = state.hosts.find((one) => one.id === host);
      if (found === undefined) throw new AppError('host-not-found', `There is no host ${host}.`);
      return found;
    },
  };
}

function machineCalls(demo: Demo): Pick<Part, Extract<keyof Part, `machines.${string}`>> {
  const { state } = demo;
  return {
    'machines.list': async ({ host }) =>
      state.machines.filter((machine) => host === null || machine.host.id === host),
    'machines.get': async ({ machine }) => demo.machine(machine),
    'machines.timeline': async ({ machine: id }) => {
      const machine = demo.machine(id);
      return {
        machine: id,
        ...storyTimeline(state, machine, demo.now()),
        points: state.points.filter((point) => point.machine.uuid === machine.uuid),
        failures: state.runs.filter(
          (run) => run.machine?.uuid === machine.uuid && run.outcome.kind === 'failed',
        ),
        incomplete: null,
      };
    },
    'machines.start': async ({ machine }) => {
      demo.putMachine({ ...demo.machine(machine), state: 'running' });
      return null;
    },
    'machines.screenshot': async ({ machine: id }) => {
      const { name, state: now } = demo.machine(id);
      return now === 'running' ? demoPicture(name) : null;
    },
  };
}

function practiceCalls(demo: Demo): Pick<Part, Extract<keyof Part, `practice.${string}`>> {
  const { state, emit } = demo;
  const present = (): Machine => {
    const machine = state.machines.find((one) => one.practice);
    if (machine === undefined) {
      throw new AppError('machine-not-found', 'There is no practice machine.', {
        advice: 'Create it first: waymark practice create.',
      });
    }
    return machine;
  };
  const changed = () => {
    emit('app.changed', demoInfo(state, 'browser'));
  };
  const run = (running: boolean) => {
    demo.putMachine({ ...present(), state: running ? 'running' : 'off' });
    if (state.practice.kind === 'present') state.practice = { ...state.practice, running };
    changed();
    return null;
  };
  return {
    'practice.create': async ({ repository }) =>
      demo.jobs.start({
        kind: 'practice',
        title: 'Create the practice machine',
        machine: null,
        repository: null,
        activity: 'Preparing the practice host',
        totalBytes: 1024 ** 2,
        storedShare: 0,
        steps: ['Start the practice host', 'Create the disk', 'Start the machine'],
        cancelEffect: 'What was made so far is removed.',
        finish: () => {
          const machine = practiceMachine(demo.now());
          if (!state.hosts.some((host) => host.practice)) {
            const uri = 'qemu:///session';
            state.hosts.push({
              ...connected(practiceHost.id, practiceHost.name, uri, true),
              machineCount: 1,
            });
            emit('hosts.changed', [...state.hosts]);
          }
          demo.putMachine(machine);
          const id = 'repo-practice' as RepositoryId;
          if (repository) {
            demo.putRepository(
              demoRepository(
                id,
                'practice',
                '/home/marek/.local/share/waymark/practice/repository',
                {
                  practice: true,
                  encrypted: false,
                  keyStorage: 'not-needed',
                  recovery: 'not-needed',
                },
              ),
            );
          }
          state.practice = {
            kind: 'present',
            machine: machine.id,
            running: true,
            repository: repository ? id : null,
          };
          changed();
          const summary = 'The practice machine runs.';
          return { outcome: { kind: 'done' }, result: { kind: 'other', summary } };
        },
      }),
    'practice.start': async () => run(true),
    'practice.stop': async () => run(false),
    'practice.remove': async () => {
      const machine = present();
      state.machines = state.machines.filter((one) => one.id !== machine.id);
      state.hosts = state.hosts.filter((host) => !host.practice);
      state.practice = { kind: 'absent' };
      emit('machines.removed', { machine: machine.id });
      emit('hosts.changed', [...state.hosts]);
      changed();
      return null;
    },
  };
}

export function hostHandlers(demo: Demo): Part {
  return {
    ...hostCalls(demo),
    ...machineCalls(demo),
    ...practiceCalls(demo),
    'jobs.list': async ({ all }) =>
      demo.jobs
        .all()
        .filter((job) => all || ['queued', 'running', 'cancelling'].includes(job.state.kind)),
    'jobs.get': async ({ job }) => demo.jobs.get(job),
    'jobs.cancel': async ({ job }) => demo.jobs.cancel(job),
    'history.list': async ({ before, limit }) =>
      demo.state.runs.filter((run) => before === null || run.startedAt < before).slice(0, limit),
    'folders.check': async ({ path }) => ({
      path,
      exists: !path.includes('missing'),
      isFolder: !path.endsWith('.txt'),
      empty: !path.includes('full'),
      writable: !path.startsWith('/proc'),
      freeBytes: 912 * gib,
      repository: path.endsWith('/waymark'),
    }),
  };
}
