/** The pretend engine's repositories and restore points. */
import type { Handlers } from '#contract/contract.ts';
import type { Point, Repository, RepositoryId } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { DemoJob } from './demo-jobs.ts';
import { gib } from './demo-machines.ts';
import { demoRepository } from './demo-state.ts';
import type { Demo } from './handlers.ts';

type Part = Pick<
  Handlers,
  Exclude<
    Extract<keyof Handlers, `repositories.${string}` | `points.${string}`>,
    | 'repositories.plan-clean-up'
    | 'repositories.clean-up'
    | 'points.pin'
    | 'points.removed'
    | 'points.take-back'
  >
>;

/** Shaped as the real one is shown; the store's own is longer. */
const demoRecoveryCode = 'K7QD-93MB-XW2F-T8HA-5NRC-PE64-JV0G-1YSZ';

function checkPassword(password: string | null): void {
  if (password !== 'wrong') return;
  throw new AppError('wrong-password', 'The password does not open this repository.', {
    unharmed: 'Nothing was changed.',
    advice: 'Try again, or use the recovery code.',
  });
}

function refuseTaken(demo: Demo, name: string): void {
  if (!demo.state.repositories.some((repository) => repository.name === name)) return;
  throw new AppError('name-taken', `There is already a repository called ${name}.`, {
    unharmed: 'It was not touched.',
    advice: 'Choose another name.',
  });
}

function verifyJob(demo: Demo, repository: Repository, points: readonly Point[]): DemoJob {
  return {
    kind: 'verify',
    title: `Verify ${repository.name}`,
    machine: null,
    repository: { id: repository.id, name: repository.name },
    activity: 'Reading packs',
    totalBytes: 40 * gib,
    storedShare: 0,
    steps: ['Check the structure', 'Read the blocks'],
    cancelEffect: 'Nothing changes.',
    finish: () => {
      const verified = { time: demo.now(), depth: 'data', ok: true } as const;
      const ids = new Set(points.map((point) => point.id));
      demo.state.points = demo.state.points.map((point) =>
        ids.has(point.id) ? { ...point, verified } : point,
      );
      demo.putRepository({ ...demo.repository(repository.id), lastVerified: verified });
      return {
        outcome: { kind: 'done' },
        result: {
          kind: 'verify',
          report: {
            depth: 'data',
            pointsChecked: points.length,
            blocksChecked: 655_360,
            bytesRead: 40 * gib,
            seconds: demo.secondsPerJob,
            damage: [],
          },
        },
      };
    },
  };
}

function repositoryCalls(demo: Demo): Pick<Part, Extract<keyof Part, `repositories.${string}`>> {
  const add = (name: string, path: string, password: string | null, remember: boolean) => {
    refuseTaken(demo, name);
    checkPassword(password);
    const id = `repo-${demo.newId()}` as RepositoryId;
    const stored = remember ? 'file' : 'asked-every-time';
    const repository = demoRepository(id, name, path, {
      encrypted: password !== null,
      keyStorage: password === null ? 'not-needed' : stored,
      recovery: password === null ? 'not-needed' : 'pending',
    });
    demo.putRepository(repository);
    return repository;
  };
  return {
    'repositories.list': async () => [...demo.state.repositories],
    'repositories.create': async ({ name, path, password, remember }) => {
      const repository = add(name, path, password, remember);
      return { repository, recoveryCode: password === null ? null : demoRecoveryCode };
    },
    'repositories.add': async ({ name, path, password, remember }) =>
      add(name, path, password, remember),
    'repositories.unlock': async ({ repository, password }) => {
      checkPassword(password);
      const opened = { ...demo.repository(repository), state: { kind: 'ready' } } as const;
      demo.putRepository(opened);
      return opened;
    },
    'repositories.remove': async ({ repository }) => {
      demo.repository(repository);
      demo.state.repositories = demo.state.repositories.filter((one) => one.id !== repository);
      demo.emit('repositories.changed', [...demo.state.repositories]);
      return null;
    },
    'repositories.password': async ({ repository, password }) => {
      demo.repository(repository);
      checkPassword(password);
      return null;
    },
    'repositories.confirm-recovery': async ({ repository }) => {
      const confirmed = { ...demo.repository(repository), recovery: 'confirmed' } as const;
      demo.putRepository(confirmed);
      return confirmed;
    },
    'repositories.verify': async ({ repository }) => {
      const points = demo.state.points.filter((point) => point.repository.id === repository);
      return demo.jobs.start(verifyJob(demo, demo.repository(repository), points));
    },
    'repositories.rebuild': async ({ repository }) => {
      const { id, name } = demo.repository(repository);
      return demo.jobs.start({
        ...verifyJob(demo, demo.repository(repository), []),
        kind: 'rebuild',
        title: `Rebuild the index of ${name}`,
        repository: { id, name },
        finish: () => ({
          outcome: { kind: 'done' },
          result: { kind: 'other', summary: `The index of ${name} was built again.` },
        }),
      });
    },
  };
}

function pointCalls(demo: Demo): Pick<Part, Extract<keyof Part, `points.${string}`>> {
  return {
    'points.list': async ({ machineUuid, repository }) =>
      demo.state.points
        .filter((point) => machineUuid === null || point.machine.uuid === machineUuid)
        .filter((point) => repository === null || point.repository.id === repository)
        .sort((a, b) => b.time - a.time),
    'points.get': async ({ point }) => demo.point(point),
    'points.verify': async ({ point: id }) => {
      const point = demo.point(id);
      return demo.jobs.start({
        ...verifyJob(demo, demo.repository(point.repository.id), [point]),
        title: `Verify a point of ${point.machine.name}`,
      });
    },
    'points.delete': async ({ points: ids, last }) => {
      const doomed = ids.map((id) => demo.point(id));
      const rest = demo.state.points.filter((point) => !ids.includes(point.id));
      const lost = doomed.find(
        (gone) => !rest.some((point) => point.machine.uuid === gone.machine.uuid),
      );
      if (lost !== undefined && !last) {
        throw new AppError(
          'confirmation-required',
          `This is the last restore point of ${lost.machine.name}.`,
          { unharmed: 'Nothing was deleted.', advice: 'Say that the last one may go too.' },
        );
      }
      return demo.jobs.start({
        ...verifyJob(demo, demo.repository(doomed[0]?.repository.id ?? ('' as RepositoryId)), []),
        kind: 'point-delete',
        title: `Delete ${doomed.length} restore point${doomed.length === 1 ? '' : 's'}`,
        finish: () => {
          demo.state.points = rest;
          for (const uuid of new Set(doomed.map((point) => point.machine.uuid))) {
            const machine = demo.state.machines.find((one) => one.uuid === uuid);
            if (machine !== undefined) demo.emit('timeline.changed', { machine: machine.id });
          }
          const summary = `${doomed.length} deleted.`;
          return { outcome: { kind: 'done' }, result: { kind: 'other', summary } };
        },
      });
    },
  };
}

export function repositoryHandlers(demo: Demo): Part {
  return { ...repositoryCalls(demo), ...pointCalls(demo) };
}
