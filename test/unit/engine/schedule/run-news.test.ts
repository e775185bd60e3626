/** What a person hears of when runs end. */
import { describe, expect, test } from 'vitest';
import { AppError } from '#contract/errors.ts';
import { attic, machineIdOf, planStory, type PlanStory } from '../../../fakes/plan-story.ts';
import { planDraft } from '../../../fakes/plans.ts';

const keep = { last: 3, hourly: 0, daily: 7, weekly: 0, monthly: 0, yearly: 0 };
const daily = planDraft(machineIdOf('web'), attic, { keep }); // at 02:00 UTC

/** Whether old points can be removed from now on. */
function removing(story: PlanStory, works: boolean): void {
  const removeByRule = () =>
    works
      ? Promise.resolve({ removed: 0, words: '' })
      : Promise.reject(new AppError('repository-busy', 'Another writer has it.'));
  Object.assign(story.life.schedule.parts, { retention: { removeByRule } });
}

describe('a run that ends with problems', () => {
  test('is told of, once until one ends well', async () => {
    const story = await planStory('2026-11-23T22:00:00Z');
    await story.plan(daily);
    removing(story, false);
    await story.until('2026-11-24T03:00:00Z');
    expect(story.news).toMatchObject([
      {
        kind: 'done',
        title: 'web was backed up, with problems',
        body:
          'Plan Nightly: a restore point was made in attic. ' +
          'Old restore points were not removed. Another writer has it.',
      },
    ]);
    await story.until('2026-11-25T03:00:00Z');
    story.around.failing.add('web'); // which changes nothing about the problem
    await story.until('2026-11-26T03:00:00Z');
    story.around.failing.clear();
    await story.until('2026-11-27T03:00:00Z');
    expect(story.news.map(({ kind }) => kind)).toEqual(['done', 'failed']);
    removing(story, true);
    await story.until('2026-11-28T03:00:00Z');
    removing(story, false);
    await story.until('2026-11-29T03:00:00Z');
    expect(story.news.map(({ kind }) => kind)).toEqual(['done', 'failed', 'done']);
  });

  test('is told of each time where a person asked to hear of every backup', async () => {
    const story = await planStory('2026-11-23T22:00:00Z');
    await story.plan({ ...daily, notify: { ...daily.notify, success: true } });
    removing(story, false);
    await story.until('2026-11-25T03:00:00Z');
    removing(story, true);
    await story.until('2026-11-26T03:00:00Z');
    expect(story.news.map(({ title }) => title)).toEqual([
      ...['web was backed up, with problems', 'web was backed up, with problems'],
      'web was backed up',
    ]);
  });
});
