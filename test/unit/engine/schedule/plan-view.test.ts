import { expect, test } from 'vitest';
import type { HostId, MachineId } from '#contract/domain.ts';
import { attic, machineIdOf, planStory } from '../../../fakes/plan-story.ts';
import { planDraft } from '../../../fakes/plans.ts';

test('a plan says which machine of two with one uuid it backs up', async () => {
  const story = await planStory('2026-11-23T08:00:00Z');
  const plan = await story.plan(planDraft(machineIdOf('web'), attic));
  const troubles = async () => (await story.life.handlers['plans.get']({ plan })).troubles;
  expect(await troubles()).toEqual([]);
  const other = { id: 'rack/uuid-web' as MachineId, uuid: 'uuid-web', name: 'web', disks: ['vda'] };
  story.around.elsewhere = [{ ...other, host: 'rack' as HostId, state: 'running' }];
  await story.until('2026-11-23T08:01:00Z');
  expect(await troubles()).toEqual([
    'web is on here and also on rack, and which of them is meant cannot be told. The one on here ' +
      'is backed up. Remove the one that was left behind, or a host that was added twice.',
  ]);
  story.around.elsewhere = [{ ...other, host: 'rack' as HostId, state: 'off' }];
  await story.until('2026-11-23T08:02:00Z');
  expect(await troubles()).toEqual([]);
});
