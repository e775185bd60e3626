import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PlanId, Retention } from '#contract/plans.ts';
import { aheadOf, goes, keptByAny, rulesBeside } from '#engine/schedule/every-rule.ts';
import { keepReasons, type RuledPoint } from '#engine/schedule/retention.ts';
import { attic, machineIdOf, planStory } from '../../../fakes/plan-story.ts';
import { planDraft } from '../../../fakes/plans.ts';

const dayMs = 86_400_000;
const now = Date.UTC(2026, 10, 26);
const none: Retention = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
const options = { machineGone: false, now };
const last3 = { keep: { ...none, last: 3 }, zone: 'UTC' };
const monthly12 = { keep: { ...none, monthly: 12 }, zone: 'UTC' };

function point(daysAgo: number, change: Partial<RuledPoint> = {}): RuledPoint {
  const time = now - daysAgo * dayMs;
  return { id: `ago ${daysAgo}`, time, pinned: false, damaged: false, ...change };
}

const number = fc.integer({ min: 0, max: 4 });
const rules = fc
  .record({
    ...{ last: number, hourly: number, daily: number },
    ...{ weekly: number, monthly: number, yearly: number },
  })
  .filter((rule) => Object.values(rule).some((count) => count > 0));
const pointLists = fc
  .array(
    fc.record({
      time: fc.integer({ min: now - 500 * dayMs, max: now }),
      pinned: fc.boolean(),
      damaged: fc.boolean(),
    }),
    { maxLength: 60 },
  )
  .map((list) => list.map((one, i): RuledPoint => ({ ...one, id: `p${i}` })));

describe('several plans for one machine and repository', () => {
  it('“hourly, last 3” leaves the months of another plan, and all where one keeps all', () => {
    const points = [0, 1, 2, 3, 30, 31, 60, 90].map((ago) => point(ago));
    expect(goes(points, [last3], options)).toEqual([
      ...['ago 90', 'ago 60', 'ago 31', 'ago 30', 'ago 3'],
    ]);
    expect(goes(points, [last3, monthly12], options)).toEqual(['ago 31', 'ago 3']);
    expect(keptByAny(points, [last3, monthly12], options).get('ago 60')).toEqual(['monthly']);
    expect(goes(points, [last3, { keep: null, zone: 'UTC' }], options)).toEqual([]);
  });

  it('a point stays exactly when one of the rules alone keeps it', () => {
    fc.assert(
      fc.property(pointLists, rules, rules, (points, one, two) => {
        const zone = 'Europe/Berlin';
        const alone = [one, two].map((rule) => keepReasons(points, rule, { ...options, zone }));
        const planned = [one, two].map((keep) => ({ keep, zone }));
        const gone = new Set(goes(points, planned, options));
        for (const { id } of points) {
          const kept = alone.some((reasons) => (reasons.get(id) ?? []).length > 0);
          expect(gone.has(id)).toBe(!kept);
        }
      }),
    );
  });

  it('nothing goes while a good point is ahead of the clock', () => {
    const points = [0, 1, 2, 3].map((ago) => point(ago));
    const ahead = point(-1);
    expect(goes(points, [last3], options)).toEqual(['ago 3']);
    expect(goes([...points, ahead], [last3], options)).toEqual([]);
    expect(keptByAny([...points, ahead], [last3], options).get('ago 3')).toEqual(['not-ruled']);
    expect(aheadOf([...points, ahead], now)).toBe(ahead.time);
    expect(aheadOf([...points, { ...ahead, damaged: true }], now)).toBeNull();
    expect(aheadOf([...points, { ...ahead, time: now + 4 * 60_000 }], now)).toBeNull();
  });
});

describe('the plans beside one', () => {
  it('are those that are kept, mean the machine and use the repository', async () => {
    const story = await planStory('2026-01-10T12:00:00Z');
    const web = machineIdOf('web');
    const keep = last3.keep;
    const mine = await story.plan(planDraft(web, attic, { name: 'Mine', keep }));
    await story.plan(planDraft(null, attic, { name: 'All' }));
    const machines = { kind: 'all' as const, except: [web] };
    await story.plan(planDraft(null, attic, { name: 'Out', machines }));
    const gone = await story.plan(planDraft(web, attic, { name: 'Removed' }));
    await story.life.handlers['plans.remove']({ plan: gone });
    const uuid = web.slice(web.lastIndexOf('/') + 1);
    const names = (own: PlanId | null, repository = attic) =>
      rulesBeside(story.life.schedule.parts, own)(uuid, repository).map(({ name }) => name);
    expect(names(null)).toEqual(['All', 'Mine']);
    expect(names(mine)).toEqual(['All']);
    expect(names(null, 'other' as typeof attic)).toEqual([]);
  });
});
