import { describe, expect, test } from 'vitest';
import type { MachineFacts, SnapshotFacts } from '#engine/interlock/facts.ts';
import type { EnginePlan } from '#engine/interlock/plan.ts';
import type { StepAction } from '#engine/interlock/steps.ts';
import { isUndoPoint } from '#engine/interlock/undo-point.ts';
import { parseSnapshot } from '#engine/hypervisor/snapshot-xml.ts';
import { planRevert } from '#engine/snapshot/plan-revert.ts';
import { machineFacts, mib } from '../../../fakes/machine-facts.ts';
import { pretendWorld } from '../../../fakes/pretend-world.ts';
import {
  askRevert as ask,
  created,
  does,
  reasonsOf,
  take,
  taken,
  withHostDevice,
  type Revert,
} from './ask.ts';

function edit(from: MachineFacts, change: (good: SnapshotFacts) => SnapshotFacts): MachineFacts {
  return { ...from, snapshots: from.snapshots.map(change) };
}

const checkOf = (plan: EnginePlan, id: string) => plan.checks.find((one) => one.id === id);
const ids = ({ checks }: EnginePlan) => checks.map(({ id }) => id);

function reverted(plan: EnginePlan): Extract<StepAction, { do: 'revert-snapshot' }> | undefined {
  for (const { actions } of plan.steps) {
    for (const action of actions) if (action.do === 'revert-snapshot') return action;
  }
  return undefined;
}

describe('an internal snapshot', () => {
  const keep = ['create-snapshot', 'keep-picture'];
  const flags = { none: 0, running: 1, paused: 2 };
  const live = taken();
  const paused = taken({ then: 'paused' });
  const cold = taken({ then: 'off', now: 'running' });
  const rows: readonly (readonly [string, MachineFacts, Revert['to'], number, boolean])[] = [
    ['taken running, as taken', live, 'as-taken', flags.none, false],
    ['taken running, to run', live, 'running', flags.none, false],
    ['taken running, to be paused', live, 'paused', flags.paused, false],
    ['taken running, to be off', live, 'off', flags.paused, true],
    ['taken paused, as taken', paused, 'as-taken', flags.none, false],
    ['taken paused, to run', paused, 'running', flags.running, false],
    ['taken paused, to be off', paused, 'off', flags.paused, true],
    ['taken off, as taken', cold, 'as-taken', flags.none, true],
    ['taken off, to be off', cold, 'off', flags.none, true],
    ['taken off, to run', cold, 'running', flags.running, false],
    ['taken off, to be paused', cold, 'paused', flags.paused, false],
  ];
  test.each(rows)('%s', (_row, given, to, expected, stops) => {
    const plan = planRevert(given, ask({ to }));
    expect(plan.verdict).toBe('allowed');
    expect(reverted(plan)?.flags).toBe(expected);
    expect(does(plan)).toEqual([
      ...keep,
      'revert-snapshot',
      ...(stops ? ['stop'] : []),
      'note-revert',
    ]);
    expect(plan).toMatchObject({ tier: 1, confirm: null, lost: [] });
    expect(plan.undoAction).toEqual({ kind: 'revert-undo' });
  });

  test('the undo point has the memory and is told from others by its description', () => {
    const action = created(planRevert(live, ask()));
    const record = parseSnapshot(action.xml, { current: false, hasMetadata: true });
    expect(record).toMatchObject({ name: 'before-revert-to-good', memory: 'internal' });
    expect(isUndoPoint(record.description)).toBe(true);
    const off = created(planRevert(taken({ now: 'off' }), ask()));
    expect(parseSnapshot(off.xml, { current: false, hasMetadata: true }).memory).toBe('no');
  });

  test('its name is numbered where it is taken', () => {
    const twice = edit(live, (good) => good);
    const extra = live.snapshots.map((one) => ({
      ...one,
      record: { ...one.record, name: 'before-revert-to-good' },
    }));
    const plan = planRevert({ ...twice, snapshots: [...live.snapshots, ...extra] }, ask());
    expect(created(plan).name).toBe('before-revert-to-good-2');
  });

  test('a cut-off revert is taken back from the undo point', () => {
    const [, going] = planRevert(live, ask()).steps;
    expect(going?.undo).toEqual([
      { do: 'revert-snapshot', name: 'before-revert-to-good', flags: 0 },
      { do: 'forget-revert', kept: 'before-revert-to-good' },
    ]);
  });

  test('not kept: the name is typed, what is lost is said, nothing is taken back', () => {
    const plan = planRevert(live, ask({ keep: false }));
    expect(does(plan)).toEqual(['revert-snapshot', 'note-revert']);
    expect(plan).toMatchObject({ tier: 3, confirm: 'web-01', undoAction: null });
    expect(plan.steps[0]?.undo).toBeNull();
    expect(plan.lost).toHaveLength(2);
    expect(plan.lost[0]).toContain('since good (');
  });

  test('B13 open consoles close', () => {
    expect(planRevert(live, ask()).steps[1]?.detail).toContain('consoles close');
  });
});

describe('refused or with a tick', () => {
  const rows: readonly (readonly [string, MachineFacts, string])[] = [
    ['D2 a job of libvirt', { ...taken(), libvirtJob: 'backup' }, 'libvirt-job'],
    ['D2 a job of Waymark', { ...taken(), waymarkJob: 'Back up' }, 'waymark-job'],
    ['a change was cut off', { ...taken(), unfinished: 'Revert' }, 'unfinished'],
    ['no such snapshot', { ...taken(), snapshots: [] }, 'unknown-snapshot'],
    [
      'B19 its deletion was begun',
      (() => {
        const world = pretendWorld();
        take(world, { name: 'before', storage: 'external' });
        take(world, { name: 'good', storage: 'external' });
        return edit(machineFacts(world), (one) => ({
          ...one,
          record: {
            ...one.record,
            disks: one.record.disks.map((disk) => ({
              ...disk,
              deleting: one.record.name === 'before',
            })),
          },
        }));
      })(),
      'deletion-begun',
    ],
    [
      'libvirt kept no definition with it',
      edit(taken(), (good) => ({ ...good, record: { ...good.record, domain: null } })),
      'no-definition',
    ],
    [
      'partly inside and partly beside the images',
      edit(taken(), (good) => ({ ...good, storage: 'mixed' })),
      'mixed-snapshot',
    ],
    ['the disk is gone', { ...taken(), disks: [] }, 'disk-gone'],
    [
      'a disk came later',
      { ...taken(), disks: [...taken().disks, { ...taken().disks[0]!, target: 'vdb' }] },
      'disk-added',
    ],
    [
      'its image does not hold it any more',
      {
        ...taken(),
        disks: taken().disks.map((disk) => ({
          ...disk,
          chain: disk.chain.map((image) => ({ ...image, snapshots: [] })),
        })),
      },
      'not-in-image',
    ],
    [
      'B5 the disk has another image now',
      {
        ...taken(),
        disks: taken().disks.map((disk) => ({
          ...disk,
          chain: [{ ...disk.chain[0]!, path: '/images/overlay.qcow2' }, ...disk.chain],
        })),
      },
      'image-changed',
    ],
  ];
  test.each(rows)('%s', (_row, given, id) => {
    const plan = planRevert(given, ask());
    expect(plan).toMatchObject({ verdict: 'refused', steps: [], undoAction: null });
    expect(reasonsOf(plan)).toContain(id);
  });

  test('B5 an external snapshot stands on the image: going back would change that', () => {
    const given = taken();
    const [path] = given.disks.flatMap(({ chain }) => chain.map((image) => image.path));
    const external: SnapshotFacts = {
      ...given.snapshots[0]!,
      record: { ...given.snapshots[0]!.record, name: 'other', disks: [] },
      storage: 'external',
      frozen: [
        { target: 'vda', path: path!, format: 'qcow2', exists: true, seen: true, overlays: [] },
      ],
    };
    const plan = planRevert({ ...given, snapshots: [...given.snapshots, external] }, ask());
    expect(reasonsOf(plan)).toEqual(['image-in-use']);
  });

  test('B7 libvirt 11.2 refuses, 11.3 needs a tick, 11.4 neither', () => {
    const on = (libvirt: number) => {
      const given = taken({ storage: 'internal' });
      return planRevert({ ...given, host: { ...given.host, libvirt } }, ask());
    };
    expect(reasonsOf(on(11_002_000))).toEqual(['libvirt-11.2']);
    expect(checkOf(on(11_003_000), 'libvirt-11.3')?.accept).toBeDefined();
    expect(ids(on(11_004_000))).not.toContain('libvirt-11.3');
  });

  const inOrder = (plan: EnginePlan) =>
    does(plan).filter((one) =>
      ['create-snapshot', 'drop-managed-save', 'revert-snapshot', 'create-overlay'].includes(one),
    );

  test('B14 a managed save is dropped once the undo point is there, with a tick', () => {
    for (const then of ['running', 'off'] as const) {
      const given = { ...taken({ then, now: 'off' }), managedSave: true };
      const plan = planRevert(given, ask());
      expect(inOrder(plan)).toEqual(['create-snapshot', 'drop-managed-save', 'revert-snapshot']);
      expect(checkOf(plan, 'managed-save')?.accept).toBeDefined();
      expect(plan.tier).toBe(2);
      // Taking the undo point may fail, and costs nothing then.
      expect(plan.steps.map(({ undo }) => undo === null)).toEqual([false, true, true]);
    }
  });

  test('B14 before an undo point beside the images: it would go on on what that froze', () => {
    const given = taken({ storage: 'external', memory: false, then: 'off', now: 'off' });
    const plan = planRevert({ ...given, managedSave: true }, ask());
    expect(inOrder(plan)).toEqual(['drop-managed-save', 'create-snapshot', 'create-overlay']);
    expect(plan.steps.every(({ undo }) => undo === null)).toBe(true);
  });

  test('B14 one that libvirt left behind goes too, though the machine runs', () => {
    const plan = planRevert({ ...taken(), managedSave: true }, ask());
    expect(inOrder(plan)).toEqual(['create-snapshot', 'drop-managed-save', 'revert-snapshot']);
    expect(checkOf(plan, 'managed-save')?.accept).toBeDefined();
  });

  test('B18 a transient machine goes back to be on, never to be off', () => {
    const given = { ...taken(), persistent: false };
    expect(planRevert(given, ask()).verdict).toBe('allowed');
    expect(reasonsOf(planRevert(given, ask({ to: 'off' })))).toEqual(['transient']);
  });

  test('B11 asleep: the undo point cannot be taken, without it it goes', () => {
    const given: MachineFacts = { ...taken(), state: 'suspended' };
    const plan = planRevert(given, ask());
    expect(reasonsOf(plan)).toEqual(['keep-suspended']);
    expect(plan.alternatives[0]?.action).toMatchObject({ keep: false });
    expect(planRevert(given, ask({ keep: false })).verdict).toBe('allowed');
  });

  test('B21 the undo point of a machine with devices of the host has no memory', () => {
    const external = taken({ storage: 'external', memory: false }, { libvirt: 10_010_000 });
    const plan = planRevert(withHostDevice(external), ask());
    const record = parseSnapshot(created(plan).xml, { current: false, hasMetadata: true });
    expect(record.memory).toBe('no');
    expect(plan).toMatchObject({ tier: 2, lost: ['What web-01 has in memory now'] });
    expect(plan.steps[1]?.undo?.[0]).toMatchObject({ do: 'revert-snapshot', flags: 1 });
    const internal = planRevert(withHostDevice(taken()), ask());
    expect(reasonsOf(internal)).toEqual(['keep-host-devices']);
  });

  test('no space for the undo point’s memory: a blocker, and going without it is offered', () => {
    const given = taken();
    const disks = given.disks.map((disk) => ({ ...disk, freeBytes: 10 * mib }));
    const plan = planRevert({ ...given, disks }, ask());
    expect(plan.verdict).toBe('refused');
    expect(checkOf(plan, 'space')?.level).toBe('blocker');
    expect(plan.alternatives[0]?.action).toMatchObject({ keep: false });
  });

  test('a name that is only a number is told from QEMU’s numbers', () => {
    const named = (given: MachineFacts) =>
      edit(given, (one) => ({ ...one, record: { ...one.record, name: '2' } }));
    const lone = named(taken());
    const disks = lone.disks.map((disk) => ({
      ...disk,
      chain: disk.chain.map((image) => ({ ...image, snapshots: ['2'] })),
    }));
    const one = { ...lone, disks };
    expect(planRevert(one, ask({ name: '2' })).verdict).toBe('allowed');
    const two = { ...one, snapshots: [...one.snapshots, ...taken().snapshots] };
    expect(reasonsOf(planRevert(two, ask({ name: '2' })))).toEqual(['ambiguous-name']);
  });

  test('what of the hardware goes back too is said', () => {
    const given = taken();
    const definition = { ...given.definition, processors: 8, memoryBytes: 64 * mib };
    const check = checkOf(planRevert({ ...given, definition }, ask()), 'hardware');
    expect(check?.detail).toContain('32.0 MiB memory and 1 processor');
    expect(ids(planRevert(given, ask()))).not.toContain('hardware');
  });
});

describe('a snapshot of some of the disks', () => {
  const world = (libvirt: number) => {
    const given = pretendWorld({ libvirt, disks: ['qcow2', 'qcow2'] });
    take(given, { name: 'good', memory: false, storage: 'external', disks: ['vda'] });
    return given;
  };
  test.each([9_000_000, 10_010_000])(
    'the undo point leaves out the same, libvirt %d',
    (libvirt) => {
      const plan = planRevert(machineFacts(world(libvirt)), ask());
      const record = parseSnapshot(created(plan).xml, { current: false, hasMetadata: true });
      expect(record.disks).toMatchObject([
        { target: 'vda', kind: 'external' },
        { target: 'vdb', kind: 'no' },
      ]);
      expect(checkOf(plan, 'left-out')).toMatchObject({ level: 'warning' });
      expect(checkOf(plan, 'left-out')?.accept).toBeUndefined();
    },
  );
  test('with memory of another tool’s making: with a tick', () => {
    const given = edit(machineFacts(world(9_000_000)), (good) => ({
      ...good,
      record: { ...good.record, memory: 'external' },
      memoryFile: { path: '/images/m', exists: true, bytes: 1 },
    }));
    expect(checkOf(planRevert(given, ask()), 'left-out')?.accept).toBeDefined();
  });
});
