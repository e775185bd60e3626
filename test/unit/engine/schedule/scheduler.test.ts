import { describe, expect, test } from 'vitest';
import type { PlanDraft, PlanRun } from '#contract/plans.ts';
import { attic, cellar, machineIdOf, planStory } from '../../../fakes/plan-story.ts';
import { planDraft } from '../../../fakes/plans.ts';
import { point } from '../../../fakes/records.ts';

const web = machineIdOf('web');
const daily = planDraft(web, attic); // 03:00 in Berlin, where it is an hour ahead of UTC in winter
const minuteMs = 60_000;
const at = (iso: string) => Date.parse(iso);

/** "schedule done 02:00", newest first. */
function told(runs: readonly PlanRun[]): readonly string[] {
  return runs.map(
    ({ cause, state, due }) =>
      `${cause} ${state.kind} ${new Date(due).toISOString().slice(5, 16).replace('T', ' ')}`,
  );
}

function words({ state }: PlanRun): string {
  if (state.kind === 'failed') return state.error.message;
  if (state.kind === 'problems') return state.problems.join(' ');
  return 'words' in state ? state.words : '';
}

test('a planned time makes a restore point by itself, and the next time is kept', async () => {
  const story = await planStory('2026-11-23T08:00:00Z');
  const plan = await story.plan(daily);
  await story.until('2026-11-24T01:59:59Z');
  expect(await story.runs()).toEqual([]);
  await story.until('2026-11-24T02:01:00Z');
  expect(told(await story.runs())).toEqual(['schedule done 11-24 02:00']);
  expect(story.stored).toHaveLength(1);
  const shown = await story.life.handlers['plans.get']({ plan });
  expect(shown).toMatchObject({
    nextDue: at('2026-11-25T02:00:00Z'),
    lastGood: story.stored[0]?.time,
    lastRun: { state: { kind: 'done' } },
    members: [{ machine: web, protection: 'protected' }],
    troubles: [],
  });
});

test('what the computer slept through is made up for once; the next time stays (C3)', async () => {
  const story = await planStory('2026-11-23T08:00:00Z');
  const plan = await story.plan(daily);
  await story.until('2026-11-23T20:00:00Z');
  story.clock.sleepComputer(3 * 86_400_000);
  await story.clock.advance(6 * minuteMs);
  const runs = await story.runs(plan);
  expect(told(runs)).toEqual([
    'catch-up done 11-26 02:00',
    'schedule missed 11-25 02:00',
    'schedule missed 11-24 02:00',
  ]);
  expect(runs.slice(1).map(words)).toEqual(
    Array(2).fill(
      'The computer slept from 23 November 2026 at 21:00 to 26 November 2026 at 21:05. ' +
        'The run of 26 November 2026 at 03:00 makes up for it.',
    ),
  );
  expect(runs[0]?.log[0]).toContain('The computer slept');
  const shown = await story.life.handlers['plans.get']({ plan });
  expect(shown.nextDue).toBe(at('2026-11-27T02:00:00Z'));
  await story.until('2026-11-27T02:01:00Z');
  expect(told(await story.runs())[0]).toBe('schedule done 11-27 02:00');
});

test('without catching up a missed time is told, and nothing begins', async () => {
  const story = await planStory('2026-11-23T08:00:00Z');
  await story.plan({ ...daily, catchUp: false });
  await story.life.stop();
  await story.until('2026-11-24T09:00:00Z');
  await story.start();
  const [run] = await story.runs();
  expect(told(await story.runs())).toEqual(['schedule missed 11-24 02:00']);
  expect(run === undefined ? '' : words(run)).toBe(
    'Waymark was not running from 23 November 2026 at 09:00 to 24 November 2026 at 10:00.',
  );
  expect(story.backups).toEqual([]);
});

test('a plan made today is due at its first time although nothing ran then (C4)', async () => {
  const story = await planStory('2026-11-23T22:00:00Z');
  await story.plan(daily);
  await story.life.stop();
  await story.until('2026-11-24T07:00:00Z');
  await story.start();
  await story.clock.advance(10_000);
  expect(told(await story.runs())).toEqual(['catch-up done 11-24 02:00']);
});

test('a restore point made by hand after the missed time makes up for it (C4)', async () => {
  const story = await planStory('2026-11-23T22:00:00Z');
  const plan = await story.plan(daily);
  story.around.present.delete(attic);
  await story.until('2026-11-24T08:00:00Z');
  expect(told(await story.runs())).toEqual(['schedule waiting 11-24 02:00']);
  story.around.present.add(attic);
  story.life.schedule.parts.starters.backup({
    ...{ machine: web, repository: attic, exclude: [], bytesPerSecond: null },
  });
  await story.clock.advance(3 * minuteMs);
  const [run] = await story.runs(plan);
  expect(run?.state.kind).toBe('skipped');
  expect(run === undefined ? '' : words(run)).toContain(
    'Not needed: there is a good restore point of 24 November 2026 at 09:00',
  );
  expect(story.backups).toHaveLength(1);
});

test('an absent repository is waited for, told, and never a failure (C5)', async () => {
  const story = await planStory('2026-11-23T22:00:00Z');
  const plan = await story.plan(daily);
  story.around.present.delete(attic);
  await story.until('2026-11-24T03:00:00Z');
  const shown = await story.life.handlers['plans.get']({ plan });
  expect(shown.waiting[0]?.state).toEqual({
    kind: 'waiting',
    reason: 'repository-absent',
    words: 'Waits for the folder of attic, which is not there.',
    since: at('2026-11-24T02:00:00Z'),
  });
  // The next time takes its place, and says what was waited for.
  await story.until('2026-11-25T03:00:00Z');
  const runs = await story.runs();
  expect(told(runs)).toEqual(['schedule waiting 11-25 02:00', 'schedule skipped 11-24 02:00']);
  expect(words(runs[1] ?? ({} as PlanRun))).toContain('It had waited: Waits for the folder');
  story.around.present.add(attic);
  await story.clock.advance(2 * minuteMs);
  expect(told(await story.runs())[0]).toBe('schedule done 11-25 02:00');
  expect(story.news).toEqual([]);
});

test('a waiting run is begun anyway, or skipped, when a person says so', async () => {
  const story = await planStory('2026-11-23T22:00:00Z');
  await story.plan(daily);
  story.around.wait = { reason: 'on-battery', words: 'Waits until the computer is plugged in.' };
  await story.until('2026-11-24T03:00:00Z');
  const [first] = await story.runs();
  if (first === undefined) throw new Error('no run');
  await story.life.handlers['plan-runs.run-now']({ run: first.id });
  await story.clock.advance(10_000);
  expect(told(await story.runs())).toEqual(['schedule done 11-24 02:00']);
  await story.until('2026-11-25T03:00:00Z');
  const [second] = await story.runs();
  if (second === undefined) throw new Error('no run');
  await story.life.handlers['plan-runs.skip']({ run: second.id });
  expect(told(await story.runs())[0]).toBe('schedule skipped 11-25 02:00');
  await expect(story.life.handlers['plan-runs.skip']({ run: second.id })).rejects.toMatchObject({
    code: 'refused',
  });
});

test('a failure is told, makes the machine failing, and the next good run ends that', async () => {
  const story = await planStory('2026-11-23T22:00:00Z');
  const plan = await story.plan(daily);
  story.around.failing.add('web');
  await story.until('2026-11-24T03:00:00Z');
  expect(told(await story.runs())).toEqual(['schedule failed 11-24 02:00']);
  expect(story.news).toMatchObject([{ kind: 'failed', machine: web, plan }]);
  const { knowledge } = story.life.schedule.scheduler;
  expect(knowledge.ofMachine('uuid-web')).toEqual({
    protection: 'failing',
    protectionWords:
      'The run of 24 November 2026 at 03:00 to attic failed: There is no space left.',
    nextRun: at('2026-11-25T02:00:00Z'),
  });
  story.around.failing.clear();
  await story.until('2026-11-25T03:00:00Z');
  expect(knowledge.ofMachine('uuid-web')).toMatchObject({ protection: 'protected' });
});

test('overdue is told once until a good restore point comes', { timeout: 30_000 }, async () => {
  const story = await planStory('2026-11-23T22:00:00Z');
  await story.plan({ ...daily, notify: { success: true, overdueAfterSeconds: 2 * 86_400 } });
  await story.until('2026-11-24T03:00:00Z');
  expect(story.news.map(({ kind }) => kind)).toEqual(['done']);
  story.around.present.delete(attic);
  await story.until('2026-11-29T03:00:00Z');
  expect(story.news.map(({ kind }) => kind)).toEqual(['done', 'overdue']);
  expect(story.news[1]?.body).toContain('No good restore point for 2 days.');
  expect(story.life.schedule.scheduler.knowledge.ofMachine('uuid-web')).toMatchObject({
    protection: 'overdue',
  });
  await story.life.stop();
  await story.start(); // what was told is remembered
  story.around.present.add(attic);
  await story.until('2026-11-29T04:00:00Z');
  story.around.present.delete(attic);
  await story.until('2026-12-03T03:00:00Z');
  expect(story.news.map(({ kind }) => kind)).toEqual(['done', 'overdue', 'done', 'overdue']);
});

test('machines of one plan go through in turn, two at once, one to each repository', async () => {
  const story = await planStory('2026-11-23T22:00:00Z');
  story.around.machines = Array.from({ length: 30 }, (_, n) => `m${String(n).padStart(3, '0')}`);
  await story.plan(planDraft(null, attic, { repositories: [attic, cellar] }));
  await story.until('2026-11-24T02:00:01Z');
  const runs = await story.runs();
  expect(runs).toHaveLength(60);
  const running = runs.filter(({ state }) => state.kind === 'running');
  expect(running).toHaveLength(2);
  expect(new Set(running.map(({ machine }) => machine.uuid)).size).toBe(2);
  expect(new Set(running.map(({ repository }) => repository.id)).size).toBe(2);
  const turn = runs.find(({ state }) => state.kind === 'waiting');
  expect(turn?.state).toMatchObject({ reason: 'turn' });
  await story.until('2026-11-24T02:05:00Z');
  expect((await story.runs()).every(({ state }) => state.kind === 'done')).toBe(true);
  expect(story.stored).toHaveLength(60);
}, 30_000);

test('the longest without a restore point go first', async () => {
  const story = await planStory('2026-11-23T22:00:00Z');
  story.around.machines = ['new', 'old', 'older'];
  await story.plan(planDraft(null, attic));
  const day = 86_400_000;
  const { points } = story.life.catalog;
  for (const [name, days] of [['old', 2] as const, ['older', 3] as const]) {
    points.insertPoint(
      point(`p-${name}`, {
        ...{ machine: { uuid: `uuid-${name}`, name }, repository: { id: attic, name: 'attic' } },
        time: story.clock.now() - days * day,
      }),
    );
  }
  await story.until('2026-11-24T02:01:00Z');
  expect(story.backups).toEqual(['new', 'older', 'old']);
});

test('two hundred machines are claimed in one look, and one begins', async () => {
  const story = await planStory('2026-11-23T22:00:00Z');
  story.around.machines = Array.from({ length: 200 }, (_, n) => `m${String(n).padStart(3, '0')}`);
  await story.plan(planDraft(null, attic));
  await story.until('2026-11-24T02:00:00Z');
  const runs = await story.runs();
  expect(runs).toHaveLength(200);
  expect(runs.filter(({ state }) => state.kind === 'running')).toHaveLength(1);
}, 30_000);

test('the steps of a run come in order, and what they say is in its log', async () => {
  const story = await planStory('2026-11-23T22:00:00Z');
  const hook = { timeoutSeconds: 60, stopOnFailure: true };
  story.around.hooks.set('/bin/dump', true).set('/bin/after', true);
  const draft = planDraft(web, attic, {
    hooks: { before: { ...hook, argv: ['/bin/dump'] }, after: { ...hook, argv: ['/bin/after'] } },
    verify: 'data',
    keep: { last: 3, hourly: 0, daily: 7, weekly: 0, monthly: 0, yearly: 0 },
  });
  await story.plan(draft);
  await story.until('2026-11-24T02:01:00Z');
  const [run] = await story.runs();
  expect(run).toMatchObject({ state: { kind: 'done' }, point: story.stored[0]?.id });
  expect(run?.log.map((line) => line.replace(/^\S+ /, ''))).toEqual([
    '/bin/dump ended',
    '  printed before',
    'The restore point was made.',
    'The restore point was checked and is whole.',
    '/bin/after ended',
    '  printed after',
    'One restore point was removed by the rule.',
  ]);
  expect(story.hooksRun).toMatchObject([
    { when: 'before', outcome: null, cause: 'schedule' },
    { when: 'after', outcome: 'done', point: story.stored[0]?.id },
  ]);
  story.around.hooks.set('/bin/dump', false);
  await story.until('2026-11-25T02:01:00Z');
  const [stopped] = await story.runs();
  expect(stopped?.state).toMatchObject({ kind: 'failed', error: { code: 'hook-failed' } });
  expect(story.backups).toHaveLength(1);
});

describe('the rule of a plan that was changed while its run went on', () => {
  const rule = { last: 3, hourly: 0, daily: 7, weekly: 0, monthly: 0, yearly: 0 };
  /** Changes the plan two seconds into its backup, which takes four. */
  async function changedMeanwhile(change: Partial<PlanDraft> | null) {
    const story = await planStory('2026-11-23T22:00:00Z');
    const draft = planDraft(web, attic, { keep: rule });
    const plan = await story.plan(draft);
    await story.until('2026-11-24T02:00:02Z');
    const { handlers } = story.life;
    if (change === null) await handlers['plans.remove']({ plan });
    else await handlers['plans.change']({ plan, draft: { ...draft, ...change } });
    await story.until('2026-11-24T02:01:00Z');
    const [run] = await story.runs();
    expect(run?.state.kind).toBe('done');
    return { rules: story.rules, log: run?.log.join('\n') ?? '' };
  }

  test('is the one it has now', async () => {
    const keep = { ...rule, last: 30 };
    expect((await changedMeanwhile({ keep })).rules).toEqual([keep]);
    expect((await changedMeanwhile({})).rules).toEqual([rule]);
  });

  test.each<[string, Partial<PlanDraft> | null, string]>([
    ['that was removed', null, 'the plan was removed or changed and does not mean this now'],
    ['that keeps everything now', { keep: null }, 'keeps everything now'],
    ['that means another repository now', { repositories: [cellar] }, 'does not mean this now'],
  ])('%s: nothing goes, and the log says so', async (_, change, words) => {
    const { rules, log } = await changedMeanwhile(change);
    expect(rules).toEqual([]);
    expect(log).toContain(`Nothing was removed: `);
    expect(log).toContain(words);
  });
});

test('a new restore point that is damaged is no good one', async () => {
  const story = await planStory('2026-11-23T22:00:00Z');
  await story.plan({ ...daily, verify: 'structure' });
  story.around.verifyFinds = 'Block 3 is not what it should be.';
  await story.until('2026-11-24T02:01:00Z');
  const [run] = await story.runs();
  expect(run?.state).toMatchObject({ kind: 'failed', error: { code: 'block-damaged' } });
  expect(story.life.schedule.scheduler.knowledge.ofMachine('uuid-web')).toMatchObject({
    protection: 'failing',
  });
});

test('run-due answers with what a run waits for now, not what it waited for before', async () => {
  const story = await planStory('2026-11-23T08:00:00Z');
  await story.plan(daily);
  story.around.wait = { reason: 'on-battery', words: 'Waits for power.' };
  await story.life.stop();
  await story.until('2026-11-24T09:00:00Z');
  const command = await story.start(false);
  expect(await command.handlers['plans.run-due']({})).toMatchObject([
    { state: { kind: 'waiting', reason: 'on-battery' } },
  ]);
  await command.stop();
  story.around.wait = null;
  const next = await story.start(false);
  const [run, ...more] = await next.handlers['plans.run-due']({});
  expect(more).toEqual([]);
  expect(run).toMatchObject({ cause: 'catch-up', state: { kind: 'running' } });
});

test('a run that is begun although it waits does not say any more what for', async () => {
  const story = await planStory('2026-11-23T08:00:00Z');
  await story.plan(daily);
  story.around.wait = { reason: 'on-battery', words: 'Waits for power.' };
  await story.until('2026-11-24T02:01:00Z');
  const [waiting] = await story.runs();
  expect(waiting).toMatchObject({ state: { reason: 'on-battery' } });
  const now = await story.life.handlers['plan-runs.run-now']({ run: waiting!.id });
  expect(now).toMatchObject({ state: { kind: 'waiting', reason: 'turn' } });
  await story.clock.advance(minuteMs);
  expect(await story.runs()).toMatchObject([{ state: { kind: 'done' } }]);
});
