import { expect, test } from 'vitest';
import { createKnowledge } from '#engine/schedule/knowledge.ts';
import { attic, cellar, machineIdOf, planStory } from '../../../fakes/plan-story.ts';
import { planDraft } from '../../../fakes/plans.ts';

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
      'The repository cellar of the plan Nightly is not known here any more, so nothing is backed ' +
      'up to it. Add it again, or take it out of the plan.',
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
