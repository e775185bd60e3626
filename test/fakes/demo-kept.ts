/** The pretend engine's pins, removed points and clean-up. */
import type { Handlers } from '#contract/contract.ts';
import type { Point, RepositoryId } from '#contract/domain.ts';
import type { CleanUpPlan, RemovedPoint } from '#contract/plans.ts';
import { AppError } from '#contract/errors.ts';
import { attic, day, gib, mib } from './demo-machines.ts';
import { graceSeconds } from './demo-preview.ts';
import type { Demo } from './handlers.ts';

type Calls = Extract<
  keyof Handlers,
  | 'points.pin'
  | 'points.removed'
  | 'points.take-back'
  | 'repositories.plan-clean-up'
  | 'repositories.clean-up'
>;

const removedAges = [
  { machine: 'gitea', age: 15, removed: 9 },
  { machine: 'gitea', age: 16, removed: 9 },
  { machine: 'nextcloud', age: 17, removed: 8 },
  { machine: 'nextcloud', age: 18, removed: 3 },
  { machine: 'pihole', age: 22, removed: 1 },
] as const;

/** Points a rule has removed: three of them longer ago than the grace period. */
export function demoRemoved(points: readonly Point[], now: number): RemovedPoint[] {
  return removedAges.flatMap(({ machine: name, age, removed }, index): RemovedPoint[] => {
    const found = points.find(({ machine }) => machine.name === name);
    if (found === undefined) return [];
    const removedAt = now - removed * day;
    return [
      {
        id: `removed-${index}` as RemovedPoint['id'],
        machine: found.machine,
        repository: attic,
        time: found.time - age * day,
        removedAt,
        by: name === 'pihole' ? 'A person' : 'Plan Nightly',
        goneAfter: removedAt + graceSeconds * 1000,
      },
    ];
  });
}

function cleanUpPlan(demo: Demo, id: RepositoryId): CleanUpPlan {
  const { name } = demo.repository(id);
  const points = demo.state.removed.filter(
    (point) => point.repository.id === id && point.goneAfter <= demo.now(),
  );
  return {
    repository: { id, name },
    points,
    packsDeleted: points.length * 7,
    packsRewritten: points.length * 2,
    freesBytes: points.length * 410 * mib,
    writesBytes: points.length * 38 * mib,
  };
}

export function keptHandlers(demo: Demo): Pick<Handlers, Calls> {
  const { state } = demo;
  return {
    'points.pin': async ({ point: id, pinned }) => {
      const point = { ...demo.point(id), pinned };
      state.points = state.points.map((one) => (one.id === id ? point : one));
      const machine = state.machines.find((one) => one.uuid === point.machine.uuid);
      if (machine !== undefined) demo.emit('timeline.changed', { machine: machine.id });
      return point;
    },
    'points.removed': async ({ repository }) =>
      state.removed.filter((one) => repository === null || one.repository.id === repository),
    'points.take-back': async ({ points }) => {
      const missing = points.find((id) => !state.removed.some((one) => one.id === id));
      if (missing !== undefined) {
        throw new AppError('point-not-found', 'This point is gone: its space was freed already.');
      }
      state.removed = state.removed.filter((one) => !points.includes(one.id));
      demo.emit('repositories.changed', [...state.repositories]);
      return null;
    },
    'repositories.plan-clean-up': async ({ repository }) => cleanUpPlan(demo, repository),
    'repositories.clean-up': async ({ repository: id }) => {
      const plan = cleanUpPlan(demo, id);
      return demo.jobs.start({
        kind: 'gc',
        title: `Clean up ${plan.repository.name}`,
        machine: null,
        repository: plan.repository,
        activity: 'Deleting packs that nothing needs',
        totalBytes: gib,
        storedShare: 0,
        steps: ['Look what is needed', 'Write what stays', 'Delete what goes'],
        cancelEffect: 'What was freed so far stays free; no point is affected.',
        finish: () => {
          const gone = new Set(plan.points.map((point) => point.id));
          state.removed = state.removed.filter((one) => !gone.has(one.id));
          const repository = demo.repository(id);
          const usedBytes = Math.max(0, repository.usedBytes - plan.freesBytes);
          demo.putRepository({ ...repository, usedBytes });
          const summary = `${plan.packsDeleted} packs were deleted.`;
          return { outcome: { kind: 'done' }, result: { kind: 'other', summary } };
        },
      });
    },
  };
}
