/**
 * What is kept, for real: planned runs of the practice machine whose rule removes, what is taken
 * back and pinned, and a clean-up after the grace; what stays restores byte for byte.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { MachineId, PointId, RepositoryId } from '#contract/domain.ts';
import { fromWireError } from '#contract/errors.ts';
import type { PlanId } from '#contract/plans.ts';
import { removalGraceSeconds } from '#engine/store/kept.ts';
import { planDraft } from '../fakes/plans.ts';
import { startTestEngine, type TestEngine } from './test-engine.ts';

let it: TestEngine;
let machine: MachineId;
let repository: RepositoryId;
let shiftMs = 0;

beforeAll(async () => {
  it = await startTestEngine({
    world: (real) => ({ ...real, clock: { ...real.clock, now: () => Date.now() + shiftMs } }),
  });
  const { handlers } = it.engine;
  await it.finished(await handlers['practice.create']({ repository: false }));
  const [one] = await handlers['machines.list']({ host: null });
  if (one === undefined) throw new Error('no practice machine');
  machine = one.id;
  repository = (await it.createRepository('attic', 'correct horse')).id;
}, 60_000);
afterAll(async () => {
  await it.engine.handlers['practice.remove']({});
  await it.stop();
});

/** Runs the plan now and returns the point it made. */
async function run(plan: PlanId): Promise<PointId> {
  const { handlers } = it.engine;
  const [begun] = await handlers['plans.run']({ plan, machine: null });
  for (;;) {
    const runs = await handlers['plans.runs']({
      ...{ plan, machineUuid: null, before: null, limit: 50 },
    });
    const found = runs.find(({ id }) => id === begun?.id);
    if (found?.state.kind === 'failed') throw fromWireError(found.state.error);
    if (found?.state.kind === 'done' && found.point !== null) return found.point;
    if (found?.state.kind === 'problems') throw new Error(found.state.problems.join(' '));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const listed = async () => {
  const filter = { machineUuid: null, repository };
  return (await it.engine.handlers['points.list'](filter)).map(({ id }) => id).sort();
};
const removed = async () =>
  (await it.engine.handlers['points.removed']({ repository })).map(({ id }) => id);

test('removed, taken back, pinned, cleaned up', { timeout: 120_000 }, async () => {
  const { handlers } = it.engine;
  const draft = planDraft(machine, repository, {
    calendar: null,
    keep: { last: 1, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 },
  });
  const { id: plan } = await handlers['plans.create']({ draft });
  const disk = 'vda';
  const image = (point: PointId) => it.restoreImage(point, disk, 'raw');

  const one = await run(plan);
  const first = await image(one);
  const two = await run(plan);
  expect(await listed()).toEqual([two]);
  expect(await handlers['points.removed']({ repository })).toMatchObject([
    { id: one, by: `Plan ${draft.name}` },
  ]);
  await handlers['points.take-back']({ points: [one] });
  expect((await image(one)).equals(first)).toBe(true);
  await handlers['points.pin']({ point: one, pinned: true });

  const second = await image(two);
  expect(second.equals(first)).toBe(false); // the machine wrote meanwhile
  const three = await run(plan);
  expect(await listed()).toEqual([one, three].sort());
  expect(await removed()).toEqual([two]);
  const preview = await handlers['plans.preview']({ draft, plan });
  expect(preview.repositories).toMatchObject([{ stay: 2, go: 0, freesBytes: 0 }]);
  const third = await image(three);

  shiftMs = (removalGraceSeconds + 60) * 1000;
  const before = (await handlers['repositories.list']({}))[0]?.usedBytes ?? 0;
  const planned = await handlers['repositories.plan-clean-up']({ repository });
  expect(planned.points.map(({ id }) => id)).toEqual([two]);
  expect(planned.freesBytes).toBeGreaterThan(0);
  const job = await it.finished(await handlers['repositories.clean-up']({ repository }));
  expect(job.state.kind).toBe('done');
  expect(await removed()).toEqual([]);
  const after = (await handlers['repositories.list']({}))[0]?.usedBytes ?? 0;
  expect(Math.abs(before - after - planned.freesBytes)).toBeLessThanOrEqual(68);
  const check = await it.finished(
    await handlers['repositories.verify']({ repository, readData: true }),
  );
  expect(check.result).toMatchObject({ report: { depth: 'data', damage: [], pointsChecked: 2 } });
  expect((await image(one)).equals(first)).toBe(true);
  expect((await image(three)).equals(third)).toBe(true);
  // The next run still reads only what changed: what was freed was no part of it.
  const four = await run(plan);
  const point = await handlers['points.get']({ point: four });
  expect(point.disks).toMatchObject([{ target: disk, mode: 'changed-only' }]);
  expect(await listed()).toEqual([one, four].sort());
});
