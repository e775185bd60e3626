import { expect, test } from 'vitest';
import { attic, cellar, machineIdOf, planStory } from '../../../fakes/plan-story.ts';
import { planDraft } from '../../../fakes/plans.ts';

const notify = { success: false, overdueAfterSeconds: 3 * 3600 };
const hourly = planDraft(machineIdOf('web'), attic, {
  ...{ calendar: { kind: 'hourly', minute: 0 }, notify },
});

test('one repository that stays away is told of although another is up to date', async () => {
  const story = await planStory('2026-11-23T08:30:00Z');
  await story.plan({ ...hourly, repositories: [attic, cellar] });
  await story.until('2026-11-23T09:30:00Z');
  story.around.present.delete(cellar);
  await story.until('2026-11-23T11:50:00Z');
  expect(story.news).toEqual([]);
  await story.until('2026-11-23T14:30:00Z');
  expect(story.news).toMatchObject([{ kind: 'overdue', title: 'web is overdue' }]);
  expect(story.news[0]?.body).toContain('No good restore point in cellar for 3 hours.');
  story.around.present.add(cellar);
  await story.until('2026-11-23T15:30:00Z');
  story.around.present.delete(attic);
  await story.until('2026-11-23T19:30:00Z');
  expect(story.news).toHaveLength(2);
  expect(story.news[1]?.body).toContain('No good restore point in attic for 3 hours.');
});

test('a repository that a plan got lately is not overdue before its time', async () => {
  const story = await planStory('2026-11-23T08:30:00Z');
  const plan = await story.plan(hourly);
  await story.until('2026-11-23T14:30:00Z');
  story.around.present.delete(cellar);
  const draft = { ...hourly, repositories: [attic, cellar] };
  await story.life.handlers['plans.change']({ plan, draft });
  await story.until('2026-11-23T17:50:00Z');
  expect(story.news).toEqual([]);
  await story.until('2026-11-23T18:30:00Z');
  expect(story.news.map(({ kind }) => kind)).toEqual(['overdue']);
  expect(story.news[0]?.body).toContain('No good restore point in cellar');
});

test('what was told while the clock ran years ahead is told again when it is true', async () => {
  const story = await planStory('2026-11-23T08:30:00Z');
  await story.plan(hourly);
  await story.until('2026-11-23T09:30:00Z');
  story.around.present.delete(attic);
  story.clock.setWallClock(Date.parse('2030-01-01T00:30:00Z'));
  await story.clock.advance(6 * 60_000);
  expect(story.news).toHaveLength(1);
  story.clock.setWallClock(Date.parse('2026-11-23T09:36:00Z'));
  await story.until('2026-11-23T11:50:00Z');
  expect(story.news).toHaveLength(1);
  await story.until('2026-11-23T15:30:00Z');
  expect(story.news).toMatchObject([{ kind: 'overdue' }, { kind: 'overdue' }]);
  expect(story.news[1]?.body).toContain('No good restore point for 3 hours.');
});
