import type { Handlers } from '#contract/contract.ts';
import type { Named, PointId, RepositoryId, Verification, VerifyReport } from '#contract/domain.ts';
import type { Point } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { VerifyResult } from '#engine/store/verify-result.ts';
import type { JobContext } from '#engine/jobs/job-types.ts';
import type { Rooms } from '../engine.ts';
import { answer } from './answer.ts';

type Calls = Exclude<
  Extract<keyof Handlers, `repositories.${string}`>,
  'repositories.plan-clean-up' | 'repositories.clean-up'
>;

export function repositoryHandlers(rooms: Rooms): Pick<Handlers, Calls> {
  const { shelf, jobs } = rooms;
  const named = (id: RepositoryId): Named<RepositoryId> => ({ id, name: shelf.get(id).name });
  return {
    'repositories.list': () => answer(() => shelf.list()),
    'repositories.create': ({ blockSizeBytes, ...wanted }) =>
      shelf.create({
        ...wanted,
        practice: false,
        ...(blockSizeBytes === undefined ? {} : { blockSizeBytes }),
      }),
    'repositories.add': (wanted) => shelf.add({ ...wanted, practice: false }),
    'repositories.unlock': ({ repository, password, remember }) =>
      shelf.unlock(repository, password, remember),
    'repositories.remove': async ({ repository }) => {
      refuseInUse(rooms, repository);
      await shelf.remove(repository);
      return null;
    },
    'repositories.password': async ({ repository, password, newPassword }) => {
      await shelf.changePassword(repository, password, newPassword);
      return null;
    },
    'repositories.confirm-recovery': ({ repository }) =>
      answer(() => shelf.confirmRecovery(repository)),
    'repositories.verify': ({ repository, readData }) => {
      const depth = readData ? 'data' : 'structure';
      return answer(() =>
        jobs.start({
          kind: 'verify',
          title: `Verify ${named(repository).name}`,
          machine: null,
          repository: named(repository),
          cancelEffect: 'Nothing was changed; what was checked so far is not recorded.',
          run: (context) => verify(rooms, repository, depth, null, context),
        }),
      );
    },
    'repositories.rebuild': ({ repository }) =>
      answer(() =>
        jobs.start({
          kind: 'rebuild',
          title: `Rebuild the index of ${named(repository).name}`,
          machine: null,
          repository: named(repository),
          cancelEffect: 'The repository is not changed; the index is made again at the next start.',
          run: async (context) => {
            const store = await shelf.open(repository);
            await store.rebuildIndex((done, total) => {
              context.progress({ activity: 'Reading packs', doneBytes: done, totalBytes: total });
            }, context.signal);
            const points = await shelf.sync(repository);
            return { kind: 'other', summary: `${points} restore points found.` };
          },
        }),
      ),
  };
}

/** A repository is not closed under the job that uses it. */
export function refuseInUse({ jobs }: Rooms, id: RepositoryId): void {
  const user = jobs.list(false).find(({ repository }) => repository?.id === id);
  if (user === undefined) return;
  throw new AppError('repository-busy', `The repository is in use: ${user.title}.`, {
    job: user.id,
    title: user.title,
    unharmed: 'Nothing was changed.',
    advice: 'Wait until it is done or cancel it, then try again.',
  });
}

/** Verifies a repository or one point of it, and records what was seen in the catalog. */
export async function verify(
  { shelf, world, catalog, emit, fleet }: Rooms,
  repository: RepositoryId,
  depth: 'structure' | 'data',
  point: Point | null,
  context: JobContext,
): Promise<{ kind: 'verify'; report: VerifyReport }> {
  const store = await shelf.open(repository);
  context.setActivity(depth === 'data' ? 'Reading every block' : 'Checking the structure');
  const result = await store.verify(depth, {
    signal: context.signal,
    onProgress: (done, total) => {
      const block = store.blockSizeBytes;
      context.progress({ doneBytes: done * block, totalBytes: total * block });
    },
    ...(point === null ? {} : { point: { id: point.id, machineUuid: point.machine.uuid } }),
  });
  const report = viewReport(result);
  const time = world.clock.now();
  const checked = point === null ? catalog.points.listPoints({ repository }) : [point];
  const damaged = new Set(report.damage.flatMap(({ points }) => points));
  catalog.transaction(() => {
    for (const { id } of checked) {
      const verification: Verification = { time, depth, ok: !damaged.has(id) };
      catalog.points.setVerification(repository, id, verification);
      catalog.points.setDamaged(repository, id, damaged.has(id));
    }
    if (point === null) {
      const ok = report.damage.length === 0;
      catalog.repositories.setVerified(repository, { time, depth, ok });
    }
  });
  for (const damage of report.damage) context.addProblem(damage.detail);
  emit('repositories.changed', shelf.list());
  for (const uuid of new Set(checked.map(({ machine }) => machine.uuid))) fleet.touch(uuid);
  return { kind: 'verify', report };
}

function viewReport(result: VerifyResult): VerifyReport {
  return {
    ...result,
    damage: result.damage.map(({ what, id, detail, touches }) => ({
      what,
      id,
      detail,
      points: [...new Set(touches.map(({ point }) => point.id as PointId))],
    })),
  };
}
