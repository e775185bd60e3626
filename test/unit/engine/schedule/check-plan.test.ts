import { describe, expect, test } from 'vitest';
import type { HostId, MachineId, RepositoryId } from '#contract/domain.ts';
import type { PlanDraft, PlanId } from '#contract/plans.ts';
import { checkPlan } from '#engine/schedule/check-plan.ts';
import { attic, machineIdOf, planStory } from '../../../fakes/plan-story.ts';
import { planDraft } from '../../../fakes/plans.ts';
import { repositoryRecord } from '../../../fakes/records.ts';

const web = machineIdOf('web');
const draft = planDraft(web, attic);

async function check(change: Partial<PlanDraft>, at = '2026-01-10T12:00:00Z') {
  const story = await planStory(at);
  story.around.hooks.set('/bin/dump', true);
  const asked = 'repo-asked' as RepositoryId;
  story.life.catalog.repositories.insert(
    repositoryRecord({ id: asked, name: 'asked', path: '/x', keyStorage: 'asked-every-time' }),
  );
  await story.plan({ ...draft, name: 'Taken' });
  return checkPlan(story.life.schedule.parts, { ...draft, ...change }, null);
}

const hook = { argv: ['/nowhere'], timeoutSeconds: 60, stopOnFailure: true };
const none = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };

describe('what is wrong with a draft', () => {
  test.each<[string, Partial<PlanDraft>, string, string]>([
    ['a name that is taken', { name: 'Taken' }, 'blocker name', 'already called Taken'],
    [
      'no machine',
      { machines: { kind: 'chosen', machines: [] } },
      'blocker machines',
      'Choose at least one machine.',
    ],
    [
      'the only machine is gone',
      { machines: { kind: 'chosen', machines: [machineIdOf('gone')] } },
      'blocker machines',
      'on no host any more',
    ],
    [
      'one of two machines is gone',
      { machines: { kind: 'chosen', machines: [web, machineIdOf('gone')] } },
      'warning machines',
      'on no host any more',
    ],
    [
      'a host that was removed',
      { machines: { kind: 'host', host: 'other' as HostId, except: [] } },
      'blocker machines',
      'not known here any more',
    ],
    [
      'all machines but the only one',
      { machines: { kind: 'all', except: [web] } },
      'warning machines',
      'means no machine now',
    ],
    [
      'every disk left out',
      { exclude: [{ machine: web, targets: ['vda', 'vdb'] }] },
      'blocker exclude',
      'Every disk of web',
    ],
    [
      'every disk left out while the machine was on another host',
      { exclude: [{ machine: 'host-2/uuid-web' as MachineId, targets: ['vda', 'vdb'] }] },
      'blocker exclude',
      'Every disk of web',
    ],
    [
      'a disk that is gone',
      { exclude: [{ machine: web, targets: ['vdx'] }] },
      'warning exclude',
      'has no disk vdx',
    ],
    ['a zone nobody knows', { zone: 'Mars/Base' }, 'blocker zone', 'There is no time zone'],
    [
      'a cron line that cannot be read',
      { calendar: { kind: 'cron', expression: '0 25 * * *' } },
      'blocker calendar',
      '“25” cannot be the hour.',
    ],
    [
      'a cron line that never comes',
      { calendar: { kind: 'cron', expression: '0 0 31 2 *' } },
      'blocker calendar',
      'This never comes',
    ],
    ['nothing that begins it', { calendar: null }, 'warning calendar', 'only a person does'],
    [
      'hours in which none of its times lies',
      { conditions: { ...draft.conditions, window: { from: '08:00', to: '10:00' } } },
      'warning conditions.window',
      'each run waits until 08:00',
    ],
    [
      'a repository that was removed',
      { repositories: ['other' as RepositoryId] },
      'blocker repositories',
      'not known here any more',
    ],
    [
      'a repository that asks for its password',
      { repositories: ['repo-asked' as RepositoryId] },
      'warning repositories',
      'asks for its password every time',
    ],
    ['a rule that keeps nothing', { keep: none }, 'blocker keep', 'would keep nothing'],
    [
      'a program before that cannot be run',
      { hooks: { before: hook, after: null } },
      'blocker hooks.before',
      'It is not there.',
    ],
    [
      'one that need not succeed',
      { hooks: { before: { ...hook, stopOnFailure: false }, after: null } },
      'warning hooks.before',
      'It is not there.',
    ],
    [
      'a program after that cannot be run',
      { hooks: { before: null, after: hook } },
      'warning hooks.after',
      'It is not there.',
    ],
  ])('%s', async (_, change, where, words) => {
    const { problems } = await check(change);
    expect(problems.map(({ level, field }) => `${level} ${field}`)).toEqual([where]);
    expect(problems[0]?.message).toContain(words);
  });

  test('another plan whose rule is for the same restore points', async () => {
    const story = await planStory('2026-01-10T12:00:00Z');
    const keep = { ...none, last: 3 };
    const nightly = await story.plan({ ...draft, name: 'Nightly', keep });
    const all = { ...draft, name: 'Everything' };
    await story.plan(all);
    const { parts } = story.life.schedule;
    const warnings = async (change: Partial<PlanDraft>, own: PlanId | null = null) =>
      (await checkPlan(parts, { ...draft, name: 'New', ...change }, own)).problems;
    expect(await warnings({ keep })).toEqual([
      {
        ...{ field: 'keep', level: 'warning' },
        message: 'Everything keeps every point of web in attic, so none of them goes.',
      },
      {
        ...{ field: 'keep', level: 'warning' },
        message: 'Nightly also keeps points of web in attic: what either keeps stays.',
      },
    ]);
    expect((await warnings({})).map(({ message }) => message)).toEqual([
      'This keeps every point of web in attic, so Nightly removes none of them any more.',
    ]);
    expect((await warnings({ keep }, nightly)).map(({ field }) => field)).toEqual(['keep']);
    expect(await warnings({ keep: null }, nightly)).toEqual([]);
  });

  test('a clock before 2020 is told', async () => {
    const { problems } = await check({}, '2010-01-01T12:00:00Z');
    expect(problems).toMatchObject([{ field: 'calendar', level: 'warning' }]);
  });

  test('a right one: its next times, the change of the clocks, whom it means', async () => {
    const story = await planStory('2026-03-28T12:00:00Z');
    const calendar = { kind: 'daily', at: ['02:30'] } as const;
    const checked = await checkPlan(
      story.life.schedule.parts,
      { ...draft, calendar: { ...calendar, at: [...calendar.at] } },
      null,
    );
    expect(checked.problems).toEqual([]);
    expect(checked.next.map((time) => new Date(time).toISOString())).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
      '2026-03-31T00:30:00.000Z',
    ]);
    expect(checked.clockChange).toContain('comes at 03:00');
    expect(checked.members).toEqual([{ id: web, name: 'web' }]);
  });
});
