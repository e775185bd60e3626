import { beforeEach, describe, expect, test } from 'vitest';
import type { MachineId } from '#contract/domain.ts';
import {
  createMomentsWatch,
  lookMs,
  maxWatched,
  roundMs,
  type MomentsWatch,
} from '#engine/fleet/moments-watch.ts';
import type { Hypervisor, MomentNames } from '#engine/hypervisor/hypervisor.ts';
import { fakeWorld, type FakeWorld } from '../../../fakes/world.ts';

const web = 'host/web' as MachineId;
let world: FakeWorld;
let names: MomentNames;
let asked: string[];
let away: boolean;
let changed: MachineId[];
let watch: MomentsWatch;

beforeEach(() => {
  world = fakeWorld();
  names = { snapshots: ['a'], currentSnapshot: 'a', checkpoints: [] };
  asked = [];
  changed = [];
  away = false;
  const hypervisor = {
    momentNames: (uuid: string) => {
      asked.push(uuid);
      return Promise.resolve(names);
    },
  } as unknown as Hypervisor;
  watch = createMomentsWatch({
    world,
    find: (machine) => {
      if (away) throw new Error('away');
      return { hypervisor, uuid: machine };
    },
    changed: (machine) => changed.push(machine),
  });
});

async function rounds(count: number): Promise<void> {
  for (let round = 0; round < count; round += 1) await world.clock.advance(roundMs);
}

describe('snapshots and checkpoints that another program changes', () => {
  test('are told once, within a round', async () => {
    watch.look(web);
    await rounds(2);
    expect(changed).toEqual([]);
    names = { ...names, snapshots: ['a', 'made-with-virsh'] };
    await rounds(2);
    expect(changed).toEqual([web]);
  });

  test.each([
    ['a revert', { currentSnapshot: null }],
    ['a checkpoint', { checkpoints: ['c'] }],
    ['a deletion', { snapshots: [] }],
  ])('%s counts too', async (_what, change) => {
    watch.look(web);
    await rounds(1);
    names = { ...names, ...change };
    await rounds(1);
    expect(changed).toEqual([web]);
  });

  test('are not asked for once nobody looks, nor before', async () => {
    await rounds(3);
    expect(asked).toEqual([]);
    watch.look(web);
    await rounds(Math.ceil(lookMs / roundMs) + 2);
    const before = asked.length;
    await rounds(5);
    expect(asked.length).toBe(before);
    watch.look(web);
    await rounds(1);
    expect(asked.length).toBe(before + 1);
  });

  test('cost nothing while the host is away, and nothing is told when it is back', async () => {
    watch.look(web);
    await rounds(1);
    away = true;
    await rounds(2);
    away = false;
    names = { ...names, snapshots: [] };
    await rounds(2);
    expect(changed).toEqual([]); // whoever connects again reads everything anyway
  });

  test('are watched on so many machines, the newest looks first', async () => {
    for (let at = 0; at <= maxWatched; at += 1) watch.look(`host/${at}` as MachineId);
    await rounds(1);
    expect(asked).not.toContain('host/0');
    expect(asked).toHaveLength(maxWatched);
  });

  test('end with the engine', async () => {
    watch.look(web);
    watch.stop();
    await rounds(3);
    expect(asked).toEqual([]);
  });
});
