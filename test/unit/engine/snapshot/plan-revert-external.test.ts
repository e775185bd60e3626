import { describe, expect, test } from 'vitest';
import type { MachineFacts } from '#engine/interlock/facts.ts';
import { parseDomain } from '#engine/hypervisor/domain-xml.ts';
import { planRevert } from '#engine/snapshot/plan-revert.ts';
import { machineFacts } from '../../../fakes/machine-facts.ts';
import { perform } from '../../../fakes/pretend-machine.ts';
import { pretendWorld } from '../../../fakes/pretend-world.ts';
import { asStranger, askRevert as ask, carryOut, does, reasonsOf, take, taken } from './ask.ts';

const memory = { storage: 'external' } as const;
const disksOnly = { storage: 'external', memory: false } as const;
const off = { storage: 'external', then: 'off' } as const;

function withMissing(given: MachineFacts, what: 'image' | 'memory'): MachineFacts {
  const snapshots = given.snapshots.map((one) => ({
    ...one,
    frozen: one.frozen.map((image) => ({ ...image, exists: what !== 'image' })),
    memoryFile: one.memoryFile === null ? null : { ...one.memoryFile, exists: what !== 'memory' },
  }));
  return { ...given, snapshots };
}

describe('B1 who goes back', () => {
  const byHand = ['create-overlay', 'define', 'record-snapshot', 'make-current', 'note-revert'];
  const hand = (...more: string[]) => ['keep-picture', 'create-snapshot', ...byHand, ...more];
  const libvirt = ['create-snapshot', 'keep-picture', 'revert-snapshot', 'note-revert'];
  const rows: readonly (readonly [string, MachineFacts, readonly string[]])[] = [
    ['9.0, memory', taken(memory), hand('restore-memory', 'remove-file')],
    ['9.0, disks only, to be off', taken(disksOnly), hand('remove-file')],
    ['9.9, memory', taken(memory, { libvirt: 9_009_000 }), libvirt],
    ['9.9, disks of a running one', taken(disksOnly, { libvirt: 9_009_000 }), hand('remove-file')],
    [
      '9.9, taken off',
      taken({ ...off, now: 'running' }, { libvirt: 9_009_000 }),
      [...libvirt.slice(0, 3), 'stop', 'note-revert'],
    ],
    [
      '10.9, disks of a running one',
      taken(disksOnly, { libvirt: 10_009_000 }),
      hand('remove-file'),
    ],
    [
      '10.10, disks of a running one',
      taken(disksOnly, { libvirt: 10_010_000 }),
      [...libvirt.slice(0, 3), 'stop', 'note-revert'],
    ],
    ['11.3, memory', taken(memory, { libvirt: 11_003_000 }), libvirt],
    ['12.0, memory', taken(memory, { libvirt: 12_000_000 }), libvirt],
  ];
  test.each(rows)('%s', (_row, given, expected) => {
    const plan = planRevert(given, ask());
    expect(plan.verdict).toBe('allowed');
    expect(does(plan)).toEqual(expected);
  });

  test('12.0, a frozen image on a block device: by hand', () => {
    const given = taken(memory, { libvirt: 12_000_000 });
    const snapshots = given.snapshots.map((one) => ({
      ...one,
      frozen: one.frozen.map((image) => ({ ...image, path: '/dev/vg/web' })),
    }));
    expect(does(planRevert({ ...given, snapshots }, ask()))).toContain('create-overlay');
  });
});

describe('by hand', () => {
  test('the machine stops in the very moment that is kept', () => {
    const [first] = planRevert(taken(memory), ask()).steps;
    const create = first?.actions.find((action) => action.do === 'create-snapshot');
    expect(create?.flags).toBe(8 | 128); // halt, atomic
    expect(first?.undo?.[0]).toEqual({
      do: 'restore-memory',
      of: 'before-revert-to-good',
      file: '/images/web-01.before-revert-to-good.memory',
      images: [{ target: 'vda', path: '/images/web-01.vda.since-before-revert-to-good.qcow2' }],
      paused: false,
    });
  });

  test.each([
    [true, { do: 'forget-revert', kept: 'before-revert-to-good' }],
    [false, { do: 'unnote-revert', to: 'good' }],
  ])('taking it back forgets that it was noted, keep %s', (keep, expected) => {
    const given = { ...taken(memory), state: 'off' as const, liveXml: null };
    const plan = planRevert(given, ask({ keep }));
    const noting = plan.steps.find(({ actions }) =>
      actions.some((action) => action.do === 'note-revert'),
    );
    expect(noting?.undo?.[0]).toEqual(expected);
  });

  test('it runs on new overlays, never on what was frozen', () => {
    const given = taken(memory, { disks: ['qcow2', 'raw'] });
    const plan = planRevert(given, ask());
    const actions = plan.steps.flatMap((step) => step.actions);
    const overlays = actions.filter((action) => action.do === 'create-overlay');
    expect(overlays).toEqual([
      {
        do: 'create-overlay',
        path: '/images/web-01.vda.since-good-2.qcow2',
        base: '/images/vda.qcow2',
        baseFormat: 'qcow2',
      },
      {
        do: 'create-overlay',
        path: '/images/web-01.vdb.since-good-2.qcow2',
        base: '/images/vdb.raw',
        baseFormat: 'raw',
      },
    ]);
    const define = actions.find((action) => action.do === 'define');
    const disks = parseDomain(define?.xml ?? '').disks;
    expect(disks.map(({ source, format }) => [source, format])).toEqual(
      overlays.map(({ path }) => [path, 'qcow2']),
    );
    const restore = actions.find((action) => action.do === 'restore-memory');
    expect(restore?.images.map(({ path }) => path)).toEqual(overlays.map(({ path }) => path));
    const record = actions.find((action) => action.do === 'record-snapshot');
    for (const { path } of overlays) expect(record?.xml).toContain(path);
  });

  const ends: readonly (readonly [string, MachineFacts, Parameters<typeof ask>[0], string[]])[] = [
    ['memory, as taken', taken(memory), {}, ['restore-memory']],
    ['memory, to be paused', taken(memory), { to: 'paused' }, ['restore-memory']],
    ['memory, to be off', taken(memory), { to: 'off' }, []],
    ['disks only, as taken', taken(disksOnly), {}, []],
    ['disks only, to run', taken(disksOnly), { to: 'running' }, ['start']],
    ['taken off, to be paused', taken(off), { to: 'paused' }, ['start']],
  ];
  test.each(ends)('%s', (_row, given, asked, expected) => {
    const plan = planRevert(given, ask(asked));
    const started = plan.steps
      .flatMap((step) => step.actions)
      .filter(({ do: what }) => what === 'restore-memory' || what === 'start');
    expect(started.map(({ do: what }) => what)).toEqual(expected);
    const paused = asked?.to === 'paused';
    for (const action of started) if ('paused' in action) expect(action.paused).toBe(paused);
  });

  test('not kept: stopped, and what came since is removed in the end', () => {
    const plan = planRevert(taken(memory), ask({ keep: false }));
    expect(does(plan)).toEqual([
      ...['create-overlay', 'stop', 'define', 'record-snapshot', 'make-current', 'note-revert'],
      ...['restore-memory', 'remove-file'],
    ]);
    expect(plan.steps.at(-1)?.actions).toEqual([
      { do: 'remove-file', path: '/images/web-01.vda.since-good.qcow2' },
    ]);
    // The empty image can be removed again; from the stop on nothing can be taken back.
    expect(plan.steps.map(({ undo }) => undo === null)).toEqual([
      false,
      ...plan.steps.slice(1).map(() => true),
    ]);
    expect(plan).toMatchObject({ tier: 3, confirm: 'web-01' });
  });

  test('not kept of a machine that is off: all but the last removal can be taken back', () => {
    const plan = planRevert(taken({ ...memory, now: 'off' }), ask({ keep: false }));
    expect(plan.steps.map(({ undo }) => undo === null)).toEqual([
      ...[false, false, false, false, true],
    ]);
  });

  test('what others stand on is never removed', () => {
    const world = pretendWorld();
    take(world, { name: 'good', storage: 'external' });
    take(world, { name: 'later', storage: 'external' });
    const plan = planRevert(machineFacts(world), ask({ keep: false }));
    expect(plan.steps.at(-1)?.actions).toEqual([
      { do: 'remove-file', path: '/images/web-01.vda.since-later.qcow2' },
    ]);
  });

  test('records of the line before are made true', () => {
    const world = pretendWorld({ state: 'off' });
    take(world, { name: 'root', storage: 'external' });
    take(world, { name: 'good', storage: 'external' });
    carryOut(world, planRevert(machineFacts(world), ask({ name: 'root' })));
    const plan = planRevert(machineFacts(world), ask({ keep: false }));
    const records = plan.steps
      .flatMap((step) => step.actions)
      .filter((action) => action.do === 'record-snapshot');
    expect(records.map(({ name }) => name)).toEqual(['root', 'good']);
    expect(records[0]?.xml).toContain('/images/web-01.vda.since-root.qcow2');
  });

  test('without the right to make images it is refused, from 9.9 on libvirt does it', () => {
    expect(reasonsOf(planRevert(asStranger(taken(memory)), ask()))).toEqual(['file-access']);
    const modern = asStranger(taken(memory, { libvirt: 9_009_000 }));
    expect(planRevert(modern, ask()).verdict).toBe('allowed');
  });

  test('B18 a transient machine would be forgotten', () => {
    const plan = planRevert({ ...taken(memory), persistent: false }, ask());
    expect(reasonsOf(plan)).toEqual(['transient']);
  });
});

describe('broken', () => {
  test('an image is missing', () => {
    expect(reasonsOf(planRevert(withMissing(taken(memory), 'image'), ask()))).toEqual([
      'image-missing',
    ]);
  });
  test('an image below is missing or not to be read: refused where we could read it', () => {
    const unseen = (given: MachineFacts): MachineFacts => ({
      ...given,
      snapshots: given.snapshots.map((one) => ({
        ...one,
        frozen: one.frozen.map((image) => ({ ...image, seen: false })),
      })),
    });
    expect(reasonsOf(planRevert(unseen(taken(memory)), ask()))).toEqual(['chain-unknown']);
    const modern = taken(memory, { libvirt: 12_000_000 });
    expect(reasonsOf(planRevert(unseen(modern), ask()))).toEqual(['chain-unknown']);
    expect(planRevert(asStranger(unseen(modern)), ask()).verdict).toBe('allowed');
  });
  test('the memory file is missing: its disks are offered', () => {
    const given = withMissing(taken(memory), 'memory');
    const plan = planRevert(given, ask());
    expect(reasonsOf(plan)).toEqual(['memory-missing']);
    expect(plan.alternatives[0]?.action).toMatchObject({ to: 'off' });
    expect(planRevert(given, ask({ to: 'off' })).verdict).toBe('allowed');
  });
  test('a disk that was left out by choice has another image since', () => {
    const world = pretendWorld({ disks: ['qcow2', 'qcow2'] });
    take(world, { name: 'good', ...disksOnly, disks: ['vda'] });
    expect(planRevert(machineFacts(world), ask()).verdict).toBe('allowed');
    take(world, { name: 'all', ...disksOnly });
    expect(reasonsOf(planRevert(machineFacts(world), ask()))).toEqual(['left-out-moved']);
  });
});

describe('B20 what libvirt itself would delete', () => {
  const modern = { libvirt: 10_010_000 };
  test('is the newest image of the machine: fine', () => {
    const plan = planRevert(taken(memory, modern), ask({ keep: false }));
    expect(plan).toMatchObject({ verdict: 'allowed', tier: 3 });
  });
  test('no current snapshot: refused, keeping is offered', () => {
    const given = { ...taken(memory, modern), current: null };
    const plan = planRevert(given, ask({ keep: false }));
    expect(reasonsOf(plan)).toEqual(['no-current']);
    expect(plan.alternatives[0]?.action).toMatchObject({ keep: true });
  });
  test('another image than the machine writes to: refused', () => {
    const world = pretendWorld(modern);
    take(world, { name: 'good', storage: 'external' });
    take(world, { name: 'later', storage: 'external' });
    const plan = planRevert({ ...machineFacts(world), current: 'good' }, ask({ keep: false }));
    expect(reasonsOf(plan)).toEqual(['would-delete']);
  });
  test('after a revert it is what that made', () => {
    const world = pretendWorld(modern);
    take(world, { name: 'good', storage: 'external' });
    carryOut(world, planRevert(machineFacts(world), ask()));
    perform(world, { do: 'stop' });
    expect(world.records.find(({ name }) => name === 'good')?.revertDisks).not.toBeNull();
    expect(planRevert(machineFacts(world), ask({ keep: false })).verdict).toBe('allowed');
  });
});

test.each([
  [9_009_000, 'create-overlay'],
  [10_010_000, 'revert-snapshot'],
])('an undo point that libvirt %d could not go back to: by hand', (libvirt, expected) => {
  const world = pretendWorld({ libvirt, disks: ['qcow2', 'qcow2'], state: 'off' });
  take(world, { name: 'good', storage: 'external', disks: ['vda'] });
  perform(world, { do: 'start', paused: false });
  expect(does(planRevert(machineFacts(world), ask()))).toContain(expected);
  const transient = machineFacts(world, { persistent: false });
  const plan = planRevert(transient, ask({ to: 'running' }));
  expect(reasonsOf(plan)).toEqual(libvirt === 9_009_000 ? ['transient'] : []);
});
