/**
 * A year with plans, on a clock turned by hand: nights asleep, weekends off, kills, a clock that is
 * set wrong and right again, both changes of daylight saving, a move to another zone, weeks with
 * the application closed, a repository that is unplugged, failures, a pause. Every planned time
 * must end in exactly one row with a reason, whatever happened.
 */
import { expect, test } from 'vitest';
import type { PlanId, PlanRun } from '#contract/plans.ts';
import { attic, machineIdOf, planStory, type PlanStory } from '../../../fakes/plan-story.ts';
import { planDraft } from '../../../fakes/plans.ts';
import { diceOf, type Dice } from '../../../torture/random.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const start = Date.parse('2026-01-01T12:00:00Z');
const end = Date.parse('2027-01-01T12:00:00Z');
const move = Date.parse('2026-07-01T12:00:00Z');
const withinMs = 10_000;

/** Local wall clock of a zone, as "2026-03-29 02:30". */
function localOf(zone: string): (time: number) => string {
  const format = new Intl.DateTimeFormat('sv-SE', {
    ...{ timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' },
    ...{ hour: '2-digit', minute: '2-digit' },
  });
  return (time) => format.format(time);
}

/**
 * The moments at which a daily time comes, found without any cron: the first minute of each local
 * day at which the clock on the wall shows it or is past it.
 */
function dailyTimes(zone: string, at: string, from: number, to: number): readonly number[] {
  const local = localOf(zone);
  const times: number[] = [];
  for (let day = from - 2 * dayMs; day < to + 2 * dayMs; day += dayMs) {
    const date = local(day).slice(0, 10);
    const guess = Date.parse(`${date}T${at}:00Z`);
    for (let time = guess - 15 * hourMs; time < guess + 15 * hourMs; time += 15 * 60_000) {
      const shown = local(time);
      if (shown.slice(0, 10) !== date || shown.slice(11) < at) continue;
      times.push(time);
      break;
    }
  }
  return [...new Set(times)].filter((time) => time > from && time <= to).sort((a, b) => a - b);
}

interface Year {
  readonly story: PlanStory;
  readonly random: Dice;
  readonly daily: PlanId;
  readonly often: PlanId;
  readonly counts: Map<string, number>;
}

function count({ counts }: Year, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

/** Nothing of a process that is not there is asked. */
async function off(year: Year, ms: number, kill: boolean): Promise<void> {
  if (kill) year.story.life.kill();
  else await year.story.life.stop();
  count(year, kill ? 'kills' : 'closed');
  await year.story.clock.advance(ms);
  await year.story.start();
}

async function wrongClock(year: Year, byMs: number): Promise<void> {
  const { clock } = year.story;
  count(year, byMs > 0 ? 'clock ahead' : 'clock behind');
  clock.setWallClock(clock.now() + byMs);
  await clock.advance(40 * 60_000);
  clock.setWallClock(clock.now() - byMs);
}

/** One day of somebody's computer: some hours of work, and a night. */
async function oneDay(year: Year): Promise<void> {
  const { story, random } = year;
  const { clock, around } = story;
  const { chance } = random;
  if (chance(0.05)) around.failing.add('web');
  if (chance(0.06)) around.present.delete(attic);
  const worked = clock.now();
  if (chance(0.15)) {
    // In the middle of what the night left to be made up for.
    await clock.advance(random.int(6000));
    await off(year, random.int(60_000), true);
  }
  await clock.advance(hourMs);
  if (chance(0.05)) await wrongClock(year, (chance(0.5) ? 1 : -1) * (1 + random.int(50)) * hourMs);
  if (chance(0.1)) await off(year, random.int(4) * hourMs, false);
  if (chance(0.1)) await off(year, random.int(3) * 60_000, true);
  await clock.advance(Math.max(0, worked + 3 * hourMs - clock.now()));
  around.failing.clear();
  if (chance(0.5)) around.present.add(attic);
  const night = Math.max(hourMs, worked + dayMs - clock.now());
  if (chance(0.04)) {
    count(year, 'away');
    await off(year, (5 + random.int(20)) * dayMs, chance(0.5));
  } else if (chance(0.4)) {
    await off(year, night, chance(0.3));
  } else {
    count(year, 'nights asleep');
    clock.sleepComputer(night);
    // A desktop tells that it woke; elsewhere the next look finds out.
    if (chance(0.5)) story.life.schedule.scheduler.wake();
    else await clock.advance(5 * 60_000);
  }
}

async function paused(year: Year): Promise<void> {
  const { story, daily } = year;
  const until = story.clock.now() + 6 * dayMs;
  await story.life.handlers['plans.pause']({ plan: daily, until });
  count(year, 'pauses');
  await off(year, 7 * dayMs, false);
}

async function moveZone({ story, daily, often }: Year): Promise<void> {
  for (const plan of [daily, often]) {
    const kept = await story.life.handlers['plans.get']({ plan });
    const draft = { ...planDraft(machineIdOf('web'), attic), ...pick(kept) };
    await story.life.handlers['plans.change']({
      ...{ plan, draft: { ...draft, zone: 'America/New_York' } },
    });
  }
}

function pick(plan: Awaited<ReturnType<PlanStory['life']['handlers']['plans.get']>>) {
  const { name, calendar, catchUp, verify, keep } = plan;
  return { name, calendar, catchUp, verify, keep };
}

async function allRuns({ story }: Year, plan: PlanId): Promise<readonly PlanRun[]> {
  const runs = new Map<string, PlanRun>();
  for (let before: number | null = null; ;) {
    const some: readonly PlanRun[] = await story.life.handlers['plans.runs']({
      ...{ plan, machineUuid: null, before, limit: 500 },
    });
    for (const run of some) runs.set(run.id, run);
    const last = some.at(-1);
    if (last === undefined) return [...runs.values()];
    before = last.due;
  }
}

function reasonOf({ state }: PlanRun): string {
  return 'words' in state ? state.words : '-';
}

test('every planned time of a year has one row with its reason', { timeout: 120_000 }, async () => {
  const cpu = process.cpuUsage();
  const story = await planStory(new Date(start).toISOString());
  const random = diceOf(2026);
  const keep = { last: 1, hourly: 0, daily: 7, weekly: 4, monthly: 0, yearly: 0 };
  const web = machineIdOf('web');
  const at = { kind: 'daily', at: ['02:30'] } as const;
  const six = { kind: 'daily', at: ['01:30', '07:30', '13:30', '19:30'] } as const;
  const daily = await story.plan(
    planDraft(web, attic, { name: 'Nightly', calendar: { ...at, at: [...at.at] }, keep }),
  );
  const often = await story.plan(
    planDraft(web, attic, {
      ...{ name: 'Often', calendar: { ...six, at: [...six.at] }, catchUp: false },
      verify: 'structure',
    }),
  );
  const year: Year = { story, random, daily, often, counts: new Map() };
  let moved = 0;
  let pausedYet = false;
  while (story.clock.now() < end) {
    if (moved === 0 && story.clock.now() >= move) {
      await moveZone(year);
      moved = story.clock.now();
    }
    if (!pausedYet && story.clock.now() >= start + 100 * dayMs) {
      pausedYet = true;
      await paused(year);
    }
    await oneDay(year);
    for (const plan of [daily, often]) {
      const { nextDue } = await story.life.handlers['plans.get']({ plan });
      expect(nextDue).toBeGreaterThan(story.clock.now() - withinMs);
    }
  }
  story.around.present.add(attic);
  await story.clock.advance(10 * 60_000);

  const plans = [
    { id: daily, times: ['02:30'] },
    { id: often, times: ['01:30', '07:30', '13:30', '19:30'] },
  ];
  const kinds = new Map<string, number>();
  let dueCount = 0;
  for (const { id, times } of plans) {
    const runs = await allRuns(year, id);
    const now = story.clock.now();
    const expected = times
      .flatMap((time) => [
        ...dailyTimes('Europe/Berlin', time, start, moved),
        ...dailyTimes('America/New_York', time, moved, now),
      ])
      .sort((a, b) => a - b);
    const claimed = runs.filter(({ cause }) => cause === 'schedule' || cause === 'catch-up');
    const dues = claimed.map(({ due }) => due).sort((a, b) => a - b);
    const iso = (all: readonly number[]) => all.map((time) => new Date(time).toISOString());
    expect(iso(dues)).toEqual(iso(expected));
    dueCount += expected.length;
    for (const run of runs) {
      for (const what of [run.state.kind, run.cause]) {
        kinds.set(what, (kinds.get(what) ?? 0) + 1);
      }
      expect(reasonOf(run)).not.toBe('');
      expect(reasonOf(run)).not.toContain('came to it too late');
      if (run.state.kind !== 'done' && run.state.kind !== 'problems') continue;
      expect(story.stored.map((one) => String(one.id))).toContain(run.point);
    }
    expect(runs.filter(({ state }) => state.kind === 'running')).toEqual([]);
  }
  const done = (kinds.get('done') ?? 0) + (kinds.get('problems') ?? 0);
  expect(done).toBeGreaterThan(200);
  // No run was done twice, and what a killed one had made was gone on with.
  expect(story.stored).toHaveLength(done);
  for (const what of ['missed', 'skipped', 'failed', 'catch-up', 'continued']) {
    expect(kinds.get(what)).toBeGreaterThan(5);
  }
  const figures = {
    ...{ plannedTimes: dueCount, unexplained: 0, points: story.stored.length },
    ...Object.fromEntries(kinds),
    ...Object.fromEntries(year.counts),
    cpuSeconds: Math.round(process.cpuUsage(cpu).user / 100_000) / 10,
  };
  console.log(`a simulated year: ${JSON.stringify(figures)}`);
});
