import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KeepReason, Retention } from '#contract/plans.ts';
import { keepReasons, type RuledPoint, type RuleOptions } from '#engine/schedule/retention.ts';

const none: Retention = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** After every point here that is not dated wrongly. */
const now = Date.UTC(2027, 2, 1);
const berlin = { zone: 'Europe/Berlin', machineGone: false, now };

function at(iso: string, change: Partial<RuledPoint> = {}): RuledPoint {
  return { id: iso, time: Date.parse(iso), pinned: false, damaged: false, ...change };
}

function stay(
  points: readonly RuledPoint[],
  rule: Partial<Retention>,
  options = berlin,
): Record<string, readonly KeepReason[]> {
  const reasons = keepReasons(points, { ...none, ...rule }, options);
  return Object.fromEntries([...reasons].filter(([, why]) => why.length > 0));
}

describe('which points stay', () => {
  it('the newest of each of the last days that have one, however long ago', () => {
    const points = [
      at('2026-11-20T10:00Z'),
      at('2026-11-20T11:00Z'),
      at('2026-11-01T10:00Z'),
      at('2026-10-01T10:00Z'),
      at('2026-09-01T10:00Z'),
    ];
    expect(stay(points, { daily: 3 })).toEqual({
      '2026-11-20T11:00Z': ['daily', 'newest-good'],
      '2026-11-01T10:00Z': ['daily'],
      '2026-10-01T10:00Z': ['daily'],
    });
  });

  it('days end at midnight of the zone, not of UTC', () => {
    const points = [at('2026-01-10T22:30Z'), at('2026-01-10T23:30Z')];
    expect(Object.keys(stay(points, { daily: 2 }))).toHaveLength(2); // 23:30 and 00:30 in Berlin
    const utc = { ...berlin, zone: 'UTC' };
    expect(Object.keys(stay(points, { daily: 2 }, utc))).toEqual(['2026-01-10T23:30Z']);
  });

  it('the hour that comes twice when clocks go back is two hours', () => {
    const points = [at('2026-10-25T00:30Z'), at('2026-10-25T01:30Z')]; // 02:30 twice in Berlin
    expect(Object.keys(stay(points, { hourly: 2 }))).toHaveLength(2);
  });

  it('weeks begin on Monday, across the end of a year too', () => {
    const points = [at('2026-12-27T12:00Z'), at('2026-12-28T12:00Z'), at('2027-01-03T12:00Z')];
    expect(Object.keys(stay(points, { weekly: 5 })).sort()).toEqual([
      '2026-12-27T12:00Z', // Sunday of week 52
      '2027-01-03T12:00Z', // Sunday of week 53, which began on 28 December
    ]);
  });

  it('months and years by the zone', () => {
    const points = [at('2026-12-31T22:00Z'), at('2026-12-31T23:30Z'), at('2026-03-01T00:00Z')];
    expect(stay(points, { monthly: 9 })).toEqual({
      '2026-12-31T22:00Z': ['monthly'],
      '2026-12-31T23:30Z': ['monthly', 'newest-good'], // already January in Berlin
      '2026-03-01T00:00Z': ['monthly'],
    });
    expect(Object.keys(stay(points, { yearly: 2 }))).toHaveLength(2);
  });

  it('a damaged one stays and takes nobody’s place', () => {
    const points = [
      at('2026-11-20T11:00Z', { damaged: true }),
      at('2026-11-20T10:00Z'),
      at('2026-11-19T10:00Z'),
    ];
    expect(stay(points, { last: 1 })).toEqual({
      '2026-11-20T11:00Z': ['not-ruled'],
      '2026-11-20T10:00Z': ['last', 'newest-good'],
    });
  });

  it('those dated in the future stay and take nobody’s place', () => {
    const future = ['2040-01-01T10:00Z', '2040-01-02T10:00Z', '2040-01-03T10:00Z'];
    const real = ['2027-02-27T10:00Z', '2027-02-28T10:00Z', '2027-03-01T00:05Z'];
    const points = [...future, '2027-02-26T10:00Z', ...real].map((iso) => at(iso));
    expect(stay(points, { last: 3 })).toEqual({
      ...Object.fromEntries(future.map((iso) => [iso, ['not-ruled']])),
      '2027-02-27T10:00Z': ['last'],
      '2027-02-28T10:00Z': ['last'],
      '2027-03-01T00:05Z': ['last', 'newest-good'], // five minutes are no wrong clock
    });
    const in2041 = { ...berlin, now: Date.UTC(2041, 0, 1) };
    expect(Object.keys(stay(points, { last: 3 }, in2041)).sort()).toEqual(future);
  });

  it('everything of a machine that is gone, and what is pinned', () => {
    const points = [at('2026-11-20T10:00Z'), at('2026-11-19T10:00Z', { pinned: true })];
    expect(stay(points, { last: 1 })).toHaveProperty(['2026-11-19T10:00Z'], ['pinned']);
    const gone = stay(points, { last: 1 }, { ...berlin, machineGone: true });
    expect(Object.values(gone).every((why) => why.includes('machine-gone'))).toBe(true);
  });

  it('refuses a rule that keeps nothing, and a zone nobody knows', () => {
    const ask = (rule: Partial<Retention>, zone: string) => () =>
      keepReasons([], { ...none, ...rule }, { zone, machineGone: false, now });
    expect(ask({}, 'UTC')).toThrow(expect.objectContaining({ code: 'invalid-input' }));
    expect(ask({ last: 1 }, 'Mars/Olympus')).toThrow(
      expect.objectContaining({ code: 'invalid-input' }),
    );
  });
});

const zones = ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', 'Pacific/Apia'];
const start = Date.UTC(2024, 0, 1);
const pointLists = fc
  .array(
    fc.record({
      time: fc.integer({ min: start, max: start + 800 * dayMs }),
      pinned: fc.boolean(),
      damaged: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    }),
    { maxLength: 120 },
  )
  .map((list) => list.map((one, i): RuledPoint => ({ ...one, id: `p${i}` })));
const number = fc.integer({ min: 0, max: 6 });
const rules = fc
  .record({
    last: number,
    hourly: number,
    daily: number,
    weekly: number,
    monthly: number,
    yearly: number,
  })
  .filter((rule) => Object.values(rule).some((count) => count > 0));
const cases = { points: pointLists, rule: rules, zone: fc.constantFrom(...zones) };

/** Ids that go, oldest first. */
function goes(points: readonly RuledPoint[], rule: Retention, options: RuleOptions): string[] {
  const reasons = keepReasons(points, rule, options);
  const gone = points.filter(({ id }) => reasons.get(id)?.length === 0);
  return gone.sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1)).map(({ id }) => id);
}

function kept(points: readonly RuledPoint[], rule: Retention, zone: string): Set<string> {
  const reasons = keepReasons(points, rule, { zone, machineGone: false, now });
  return new Set([...reasons].filter(([, why]) => why.length > 0).map(([id]) => id));
}

describe('whatever the points and the rule', () => {
  it('pinned, damaged and the newest good stay; what goes is in the order of time', () => {
    fc.assert(
      fc.property(fc.record(cases), ({ points, rule, zone }) => {
        const gone = goes(points, rule, { zone, machineGone: false, now });
        const goneSet = new Set(gone);
        for (const { id, pinned, damaged } of points) {
          if (pinned || damaged) expect(goneSet.has(id)).toBe(false);
        }
        const good = points.filter(({ damaged }) => !damaged);
        if (good.length > 0) expect(good.some(({ id }) => !goneSet.has(id))).toBe(true);
        const newest = Math.max(...good.map(({ time }) => time));
        expect(good.some(({ id, time }) => time === newest && !goneSet.has(id))).toBe(
          good.length > 0,
        );
        const times = gone.map((id) => points.find((point) => point.id === id)?.time ?? 0);
        expect(times).toEqual([...times].sort((a, b) => a - b));
      }),
    );
  });

  it('applied again it takes nothing more, and the order of the points means nothing', () => {
    fc.assert(
      fc.property(fc.record(cases), fc.integer(), ({ points, rule, zone }, seed) => {
        const once = kept(points, rule, zone);
        const left = points.filter(({ id }) => once.has(id));
        expect(kept(left, rule, zone)).toEqual(once);
        const mixed = [...points].sort((a, b) => ((a.time ^ seed) % 101) - ((b.time ^ seed) % 101));
        expect(kept(mixed, rule, zone)).toEqual(once);
      }),
    );
  });

  it('points of the future neither go nor change what goes of the others', () => {
    fc.assert(
      fc.property(fc.record({ ...cases, today: fc.integer({ min: 0, max: 800 }) }), (one) => {
        const { points, rule, zone } = one;
        const options = { zone, machineGone: false, now: start + one.today * dayMs };
        const past = points.filter(({ time }) => time <= options.now + 5 * 60_000);
        expect(goes(points, rule, options)).toEqual(goes(past, rule, options));
      }),
    );
  });

  it('greater numbers keep at least as much', () => {
    fc.assert(
      fc.property(fc.record({ ...cases, more: rules }), ({ points, rule, zone, more }) => {
        const greater: Retention = {
          last: rule.last + more.last,
          hourly: rule.hourly + more.hourly,
          daily: rule.daily + more.daily,
          weekly: rule.weekly + more.weekly,
          monthly: rule.monthly + more.monthly,
          yearly: rule.yearly + more.yearly,
        };
        const few = kept(points, rule, zone);
        const many = kept(points, greater, zone);
        for (const id of few) expect(many.has(id)).toBe(true);
      }),
    );
  });

  it('each line keeps exactly the newest of its last periods', () => {
    fc.assert(
      fc.property(pointLists, fc.integer({ min: 1, max: 6 }), (points, daily) => {
        // The oracle, said another way: in UTC, a day is the first ten letters of its ISO date.
        const good = points.filter(({ damaged }) => !damaged);
        const dayOf = ({ time }: RuledPoint) => new Date(time).toISOString().slice(0, 10);
        const days = [...new Set(good.map(dayOf))].sort().reverse().slice(0, daily);
        const reasons = keepReasons(points, { ...none, daily }, { ...berlin, zone: 'UTC' });
        const byRule = points.filter(({ id }) => reasons.get(id)?.includes('daily'));
        expect(byRule.map(dayOf).sort().reverse()).toEqual(days);
        for (const point of byRule) {
          const same = good.filter((one) => dayOf(one) === dayOf(point));
          expect(point.time).toBe(Math.max(...same.map(({ time }) => time)));
        }
      }),
    );
  });

  it('a newer point brings none back that would have gone', () => {
    fc.assert(
      fc.property(
        fc.record({ ...cases, later: fc.integer({ min: 1, max: 400 * dayMs }) }),
        ({ points, rule, zone, later }) => {
          const before = kept(points, rule, zone);
          const time = Math.max(start, ...points.map((point) => point.time)) + later;
          const more = [...points, { id: 'new', time, pinned: false, damaged: false }];
          const options = { zone, machineGone: false, now: time };
          const gone = goes(more, rule, options);
          const after = more.map(({ id }) => id).filter((id) => !gone.includes(id));
          for (const id of after) expect(before.has(id) || id === 'new').toBe(true);
        },
      ),
    );
  });

  it('after every backup or once at the end: the same stays', () => {
    fc.assert(
      fc.property(fc.record(cases), ({ points, rule, zone }) => {
        const inOrder = [...points].sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1));
        let left: RuledPoint[] = [];
        for (const point of inOrder) {
          left.push(point);
          const now = kept(left, rule, zone);
          left = left.filter(({ id }) => now.has(id));
        }
        expect(new Set(left.map(({ id }) => id))).toEqual(kept(points, rule, zone));
      }),
    );
  });
});
