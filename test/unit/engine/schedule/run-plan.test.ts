import { expect, test } from 'vitest';
import type { MachineId } from '#contract/domain.ts';
import { attic, planStory } from '../../../fakes/plan-story.ts';
import { planDraft } from '../../../fakes/plans.ts';

test('disks that were left out stay out after the machine moved to another host', async () => {
  const story = await planStory('2026-11-23T08:00:00Z');
  const before = 'host-2/uuid-web' as MachineId;
  await story.plan(planDraft(before, attic, { exclude: [{ machine: before, targets: ['vdb'] }] }));
  await story.until('2026-11-24T03:00:00Z');
  expect(story.leftOut).toEqual([['vdb']]);
});
