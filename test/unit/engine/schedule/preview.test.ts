import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PointId, RepositoryId } from '#contract/domain.ts';
import type { Retention } from '#contract/plans.ts';
import { goes } from '#engine/schedule/every-rule.ts';
import {
  fullAt,
  goingOf,
  leftInAYear,
  previewMachine,
  previewRepository,
  withBytes,
} from '#engine/schedule/preview.ts';
import type { RuledPoint } from '#engine/schedule/retention.ts';

const dayMs = 86_400_000;
const now = Date.UTC(2026, 10, 26);
const repository = { id: 'repo-attic' as RepositoryId, name: 'attic' };
const other = { id: 'repo-cellar' as RepositoryId, name: 'cellar' };
const none: Retention = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };

const pointLists = fc
  .array(
    fc.record({
      time: fc.integer({ min: now - 400 * dayMs, max: now }),
      pinned: fc.boolean(),
      damaged: fc.boolean(),
    }),
    { maxLength: 60 },
  )
  .map((list) => list.map((one, i): RuledPoint => ({ ...one, id: `p${i}` })));
const number = fc.integer({ min: 0, max: 5 });
const rules = fc
  .record({
    ...{ last: number, hourly: number, daily: number },
    ...{ weekly: number, monthly: number, yearly: number },
  })
  .filter((rule) => Object.values(rule).some((count) => count > 0));

const all = (left: readonly number[]) => ({ left, shown: Number.MAX_SAFE_INTEGER });

/** Of one plan, or of up to three that share a machine and a repository. */
const planRules = fc.array(
  fc.record({
    keep: fc.option(rules, { freq: 10 }),
    zone: fc.constantFrom('UTC', 'Europe/Berlin', 'Pacific/Apia'),
  }),
  { minLength: 1, maxLength: 3 },
);

function machineOf(points: readonly RuledPoint[], uuid = 'one', where = repository) {
  return { uuid, name: uuid, gone: false, repository: where, points };
}

describe('the preview', () => {
  it('names exactly the points that the removal takes, whatever the rule', () => {
    fc.assert(
      fc.property(pointLists, planRules, (points, rules) => {
        const shown = previewMachine(machineOf(points), { rules, now }, all([]));
        const going = shown.now.filter((one) => one.keep.length === 0).map(({ id }) => id);
        expect(going).toEqual(goes(points, rules, { machineGone: false, now }));
        expect(shown.now).toHaveLength(points.length);
        expect(goingOf([shown], repository.id).map(({ id }) => id)).toEqual(going);
      }),
    );
  });

  it('is the same in a year as the rule applied after each run until then', () => {
    fc.assert(
      fc.property(pointLists, planRules, (points, rules) => {
        const coming = Array.from({ length: 90 }, (_, i) => now + (i + 1) * dayMs * 4);
        const shown = previewMachine(machineOf(points), { rules, now }, all(coming));
        let left = [...points];
        for (const time of coming) {
          left.push({ id: `new ${time}`, time, pinned: false, damaged: false });
          const gone = new Set(goes(left, rules, { machineGone: false, now: time }));
          left = left.filter(({ id }) => !gone.has(id));
        }
        const stays = shown.inAYear.filter((one) => one.keep.length > 0).map(({ time }) => time);
        expect(stays).toEqual(left.map(({ time }) => time).sort((a, b) => a - b));
        // Those of today are all there, also the ones that are gone by then.
        const known = shown.inAYear.filter(({ id }) => id !== null);
        expect(known.map(({ id }) => id).sort()).toEqual(points.map(({ id }) => id).sort());
      }),
    );
  });

  it('is the same whether foreseen points are sorted out before or with those of today', () => {
    fc.assert(
      fc.property(pointLists, rules, (points, keep) => {
        const rule = { rules: [{ keep, zone: 'Europe/Berlin' }], now };
        const coming = Array.from({ length: 300 }, (_, i) => now + 1 + i * 5 * 3_600_000);
        const left = leftInAYear(rule, coming, 1);
        expect(left.left.length).toBeLessThanOrEqual(coming.length);
        const machine = machineOf(points);
        expect(previewMachine(machine, rule, left)).toEqual(
          previewMachine(machine, rule, all(coming)),
        );
      }),
    );
  });

  it('shows the newest of very many foreseen points, and says the same of those of today', () => {
    const coming = Array.from({ length: 8760 }, (_, i) => now + (i + 1) * 3_600_000);
    const today = machineOf([{ id: 'old', time: now, pinned: false, damaged: false }]);
    const rule = { rules: [{ keep: { ...none, hourly: 5000 }, zone: 'UTC' }], now };
    const few = leftInAYear(rule, coming, 200);
    expect(few.left).toEqual(coming.slice(-5000));
    const shown = previewMachine(today, rule, few).inAYear;
    expect(shown[0]).toMatchObject({ id: 'old', keep: [] });
    expect(shown.slice(1).map(({ time }) => time)).toEqual(coming.slice(-200));
    const keepsAll = { rules: [{ keep: null, zone: 'UTC' }], now };
    const everything = leftInAYear(keepsAll, coming, 10_000);
    const [first, ...rest] = previewMachine(today, keepsAll, everything).inAYear;
    expect(first?.keep).toEqual(['not-ruled']);
    expect(rest).toHaveLength(100);
  });

  it('counts bytes where they are freed, in the repository they are freed in', () => {
    const point = (id: string, daysAgo: number): RuledPoint => {
      return { id, time: now - daysAgo * dayMs, pinned: false, damaged: false };
    };
    const rule = { rules: [{ keep: { ...none, last: 1 }, zone: 'UTC' }], now };
    const machines = [
      previewMachine(machineOf([point('a1', 3), point('a2', 1)], 'a'), rule, all([])),
      previewMachine(
        machineOf([point('b1', 4), point('b2', 2), point('b3', 1)], 'b'),
        rule,
        all([]),
      ),
      previewMachine(machineOf([point('a1', 3), point('a2', 1)], 'a', other), rule, all([])),
    ];
    expect(goingOf(machines, repository.id).map(({ id }) => id)).toEqual(['b1', 'a1', 'b2']);
    const bytes = new Map([
      ['b1' as PointId, 100],
      ['a1' as PointId, 20],
      ['b2' as PointId, 3],
    ]);
    const counted = withBytes(machines, repository.id, bytes);
    expect(counted.map(({ now: points }) => points.map(({ freesBytes }) => freesBytes))).toEqual([
      [20, null],
      [100, 3, null],
      [null, null],
    ]);
    const facts = { repository, usedBytes: 1000, freeBytes: 5, fullAt: null };
    expect(previewRepository(counted, facts)).toEqual({
      ...facts,
      stay: 2,
      go: 3,
      freesBytes: 123,
    });
  });
});

describe('when a repository is full', () => {
  const stored = (machineUuid: string, daysAgo: number, storedBytes: number) => ({
    machineUuid,
    time: now - daysAgo * dayMs,
    storedBytes,
  });

  it('is told by the growth of four weeks, without first points', () => {
    const points = [
      stored('a', 100, 1_000_000),
      stored('a', 40, 999),
      stored('a', 20, 280),
      stored('b', 10, 1_000_000),
      stored('b', 5, 280),
    ];
    // 560 bytes in 28 days: 20 a day.
    expect(fullAt(points, 2000, now)).toBe(now + 100 * dayMs);
  });

  it('is not told without free space, growth or time to judge by', () => {
    const growing = [stored('a', 10, 1), stored('a', 5, 100)];
    expect(fullAt(growing, null, now)).toBeNull();
    expect(fullAt([stored('a', 10, 500)], 1000, now)).toBeNull();
    expect(fullAt([stored('a', 2, 1), stored('a', 1, 100)], 1000, now)).toBeNull();
    expect(fullAt([], 1000, now)).toBeNull();
    expect(fullAt(growing, Number.MAX_SAFE_INTEGER, now)).toBeNull();
    expect(fullAt(growing, 0, now)).toBe(now);
  });
});
