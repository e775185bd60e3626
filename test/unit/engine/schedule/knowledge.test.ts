import { expect, test } from 'vitest';
import { createKnowledge } from '#engine/schedule/knowledge.ts';
import { attic, cellar, machineIdOf, planStory } from '../../../fakes/plan-story.ts';
import { planDraft } from '../../../fakes/plans.ts';
import { point } from '../../../fakes/records.ts';

const web = machineIdOf('web');
const daily = planDraft(web, attic); // 03:00 in Berlin

test('a machine is not protected where one repository of its plan is gone from here', async () => {
  const story = await planStory('2026-11-23T08:00:00Z');
  await story.plan({ ...daily, name: 'Nightly', repositories: [attic, cellar] });
  await story.until('2026-11-24T03:00:00Z');
  const { parts } = story.life.schedule;
  const standing = () => createKnowledge(parts).ofMachine('uuid-web');
  expect(standing()).toMatchObject({ protection: 'protected', protectionWords: '' });
  story.life.catalog.repositories.remove(cellar);
  expect(standing()).toMatchObject({
    protection: 'failing',
    protectionWords:
      'The repository cellar of the plan Nightly is not known here any more, so nothing is ' +
      'backed up to it. Add it again, or take it out of the plan.',
  });
});

test('one to which no run ever ended has no name any more', async () => {
  const story = await planStory('2026-11-23T08:00:00Z');
  const plan = await story.plan({ ...daily, name: 'Nightly' });
  story.life.catalog.repositories.remove(attic);
  const { members } = await story.life.handlers['plans.get']({ plan });
  expect(members).toMatchObject([{ protection: 'failing' }]);
  expect(createKnowledge(story.life.schedule.parts).ofMachine('uuid-web')).toMatchObject({
    protectionWords: expect.stringMatching(/^A repository of the plan Nightly is not/) as string,
  });
});

test(
  'a new plan is not met by an old point, and not told of as overdue at once',
  { timeout: 30_000 },
  async () => {
    const story = await planStory('2026-11-23T08:00:00Z');
    const time = Date.parse('2024-09-14T08:00:00Z');
    story.life.catalog.points.insertPoint(
      point('old', {
        ...{ machine: { uuid: 'uuid-web', name: 'web' }, repository: { id: attic, name: 'attic' } },
        time,
      }),
    );
    await story.plan({
      ...{ ...daily, calendar: { kind: 'monthly', day: 24, at: '03:00' } },
      notify: { success: false, overdueAfterSeconds: 6 * 3600 },
    });
    const standing = () => createKnowledge(story.life.schedule.parts).ofMachine('uuid-web');
    expect(standing()).toMatchObject({
      protection: 'overdue',
      protectionWords: expect.stringContaining(
        'Its first run: 24 November 2026 at 03:00.',
      ) as string,
    });
    await story.until('2026-11-23T13:50:00Z');
    expect(story.news).toEqual([]);
    await story.until('2026-11-23T14:10:00Z');
    expect(story.news.map(({ kind }) => kind)).toEqual(['overdue']);
    await story.until('2026-11-24T02:05:00Z');
    expect(standing()).toMatchObject({ protection: 'protected' });
  },
);
