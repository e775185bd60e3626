import { describe, expect, test } from 'vitest';
import type { MachineFacts } from '#engine/interlock/facts.ts';
import type { EnginePlan } from '#engine/interlock/plan.ts';
import { planRevert } from '#engine/snapshot/plan-revert.ts';
import { checkpointFacts, machineFacts } from '../../../fakes/machine-facts.ts';
import { addCheckpoint, pretendWorld, type PretendSpec } from '../../../fakes/pretend-world.ts';
import { askRevert as ask, carryOut, does, reasonsOf, take, taken, withHostDevice } from './ask.ts';

const checkOf = (plan: EnginePlan, id: string) => plan.checks.find((one) => one.id === id);
const ids = ({ checks }: EnginePlan) => checks.map(({ id }) => id);

describe('checkpoints stand in the way', () => {
  const marked = (how: Parameters<typeof taken>[0] = {}, spec: PretendSpec = {}) => {
    const given = taken(how, spec);
    const names = ['waymark-1', 'waymark-2'];
    const disks = given.disks.map((disk) => ({
      ...disk,
      chain: disk.chain.map((image, index) => ({
        ...image,
        bitmaps: index === 0 ? names.map((name) => ({ name, broken: false })) : image.bitmaps,
      })),
    }));
    const checkpoints = names.map((name) => checkpointFacts(name));
    return { ...given, disks, checkpoints };
  };

  test.each([9_000_000, 9_009_000, 10_010_000, 11_003_000, 12_000_000])(
    'A1 running on %d: kept first, then they go, then back',
    (libvirt) => {
      const plan = planRevert(marked({}, { libvirt }), ask());
      expect(plan.verdict).toBe('allowed-after');
      expect(reasonsOf(plan)).toEqual(['checkpoints-stand-in-the-way']);
      const expected = [
        ...['create-snapshot', 'keep-picture', 'delete-checkpoint', 'delete-checkpoint'],
        ...['revert-snapshot', 'note-revert'],
      ];
      expect(does(plan)).toEqual(expected);
      expect(plan.costs.rereads).toEqual(['attic']);
      expect(plan.afterwards).toMatchObject([{ runs: false }]);
      expect(plan.steps[1]?.title).toBe('Remove the checkpoints of attic');
    },
  );

  test('A5 off: bitmaps out of the closed image, records, then the undo point', () => {
    const plan = planRevert(marked({ now: 'off' }), ask());
    expect(does(plan)).toEqual([
      ...['remove-bitmap', 'delete-checkpoint', 'remove-bitmap', 'delete-checkpoint'],
      ...['create-snapshot', 'revert-snapshot', 'note-revert'],
    ]);
  });

  test('off and the images are not ours: started paused for it', () => {
    const given = marked({ now: 'off' });
    const disks = given.disks.map((disk) => ({
      ...disk,
      chain: disk.chain.map((image) => ({ ...image, writable: false })),
    }));
    const plan = planRevert({ ...given, disks }, ask());
    expect(does(plan).slice(0, 4)).toEqual([
      ...['start', 'delete-checkpoint', 'delete-checkpoint', 'stop'],
    ]);
    const stuck = planRevert(withHostDevice({ ...given, disks }), ask());
    expect(reasonsOf(stuck)).toEqual(['paused-start']);
    expect(stuck.verdict).toBe('refused');
  });

  test('those of others need a tick each', () => {
    const given = marked();
    const checkpoints = [
      ...given.checkpoints,
      checkpointFacts('theirs', ['vda'], { owner: 'foreign', repository: null }),
      checkpointFacts('waymark-9', ['vda'], { owner: 'other-waymark' }),
    ];
    const plan = planRevert({ ...given, checkpoints }, ask());
    const ticks = plan.checks.flatMap(({ accept }) => accept ?? []);
    expect(ticks).toEqual(['Delete theirs', 'Delete waymark-9']);
    expect(does(plan).filter((what) => what === 'delete-checkpoint')).toHaveLength(4);
  });

  test('13 bitmaps of no checkpoint go too, on every disk, off and running', () => {
    const orphaned = (given: MachineFacts) => ({
      ...given,
      disks: given.disks.map((disk) => ({
        ...disk,
        chain: disk.chain.map((image) => ({
          ...image,
          bitmaps: disk.target === 'vdb' ? [{ name: 'waymark-lost', broken: true }] : [],
        })),
      })),
    });
    const two: PretendSpec = { disks: ['qcow2', 'qcow2'] };
    const off = planRevert(orphaned(taken({ now: 'off' }, two)), ask());
    expect(does(off)[0]).toBe('remove-bitmap');
    expect(reasonsOf(off)).toEqual(['bitmaps-stand-in-the-way']);
    const on = planRevert(orphaned(taken({}, two)), ask());
    expect(does(on).slice(2, 4)).toEqual(['record-checkpoint', 'delete-checkpoint']);
    const others = { ...taken({ now: 'off' }, two) };
    const foreign = {
      ...others,
      disks: others.disks.map((disk) => ({
        ...disk,
        chain: disk.chain.map((image) => ({
          ...image,
          bitmaps: [{ name: 'vm-b', broken: false }],
        })),
      })),
    };
    expect(planRevert(foreign, ask()).checks.flatMap(({ accept }) => accept ?? [])).toEqual([
      ...['Remove vm-b', 'Remove vm-b'],
    ]);
  });

  test('13 not from a running machine where an image below holds it: others may need that', () => {
    const held = (given: MachineFacts): MachineFacts => ({
      ...given,
      disks: given.disks.map((disk) => {
        const [top] = disk.chain;
        if (top === undefined) return disk;
        const bitmaps = [{ name: 'waymark-lost', broken: false }];
        const chain = [
          { ...top, bitmaps },
          { ...top, path: '/images/template.qcow2', bitmaps },
        ];
        return { ...disk, chain };
      }),
    });
    expect(reasonsOf(planRevert(held(taken()), ask()))).toEqual(['bitmap-below']);
    const off = planRevert(held(taken({ now: 'off' })), ask());
    expect(off.steps[0]?.actions).toEqual([
      { do: 'remove-bitmap', image: '/images/vda.qcow2', bitmap: 'waymark-lost' },
    ]);
  });

  test('13 two closed images that cannot be read: with a tick', () => {
    const given = taken({ now: 'off' }, { disks: ['qcow2', 'qcow2'] });
    const disks = given.disks.map((disk) => ({
      ...disk,
      chain: disk.chain.map((image) => ({ ...image, bitmaps: null })),
    }));
    const plan = planRevert({ ...given, disks }, ask());
    expect(checkOf(plan, 'unread-bitmaps')?.accept).toBeDefined();
    const one = { ...given, disks: disks.slice(0, 1) };
    expect(ids(planRevert(one, ask({ keep: false })))).not.toContain('unread-bitmaps');
  });

  test('A1 a machine that has one goes back and runs', () => {
    const world = pretendWorld();
    take(world, { name: 'good' });
    addCheckpoint(world, 'waymark-1');
    carryOut(world, planRevert(machineFacts(world), ask()));
    expect(world.state).toBe('running');
    expect(world.checkpoints).toEqual([]);
  });
});
