import { describe, expect, test } from 'vitest';
import type { MachineAction } from '#contract/actions.ts';
import type { MachineFacts, SnapshotFacts } from '#engine/interlock/facts.ts';
import type { EnginePlan } from '#engine/interlock/plan.ts';
import { planDelete } from '#engine/snapshot/plan-delete.ts';
import { planRevert } from '#engine/snapshot/plan-revert.ts';
import { machineFacts, mib } from '../../../fakes/machine-facts.ts';
import { perform } from '../../../fakes/pretend-machine.ts';
import {
  guestWrites,
  pretendWorld,
  type PretendSpec,
  type PretendWorld,
} from '../../../fakes/pretend-world.ts';
import { asStranger, askRevert, carryOut, does, reasonsOf, take, withHostDevice } from './ask.ts';

type Delete = Extract<MachineAction, { kind: 'snapshot-delete' }>;

const ask = (names: readonly string[], children = false): Delete => {
  return { kind: 'snapshot-delete', names: [...names], children };
};

const external = { storage: 'external' } as const;

/** a ← b ← c, each with one block written after it. */
function line(spec: PretendSpec = {}, how: Parameters<typeof take>[1] = external): PretendWorld {
  const world = pretendWorld(spec);
  for (const [index, name] of ['a', 'b', 'c'].entries()) {
    take(world, { name, ...how });
    guestWrites(world, index, index + 2);
  }
  return world;
}

/** a ← b, and beside b the line that the machine is on after going back to a. */
function fork(spec: PretendSpec = {}): PretendWorld {
  const world = pretendWorld(spec);
  take(world, { name: 'a', ...external });
  take(world, { name: 'b', ...external });
  carryOut(world, planRevert(machineFacts(world), askRevert({ name: 'a', keep: false })));
  return world;
}

function edit(from: MachineFacts, change: (one: SnapshotFacts) => SnapshotFacts): MachineFacts {
  return { ...from, snapshots: from.snapshots.map(change) };
}

const titles = ({ steps }: EnginePlan) => steps.map(({ title }) => title);
const files = ({ steps }: EnginePlan) =>
  steps.flatMap(({ actions }) =>
    actions.flatMap((action) => (action.do === 'remove-file' ? action.path : [])),
  );

describe('internal ones', () => {
  const internal = { storage: 'internal' } as const;
  test('A3 one, running or off', () => {
    for (const state of ['running', 'off'] as const) {
      const plan = planDelete(machineFacts(line({ state }, internal)), ask(['b']));
      expect(does(plan)).toEqual(['delete-snapshot', 'drop-picture']);
      expect(plan).toMatchObject({ verdict: 'allowed', tier: 2, confirm: null, undoAction: null });
      expect(plan.steps[0]?.undo).toBeNull();
    }
  });
  test('with those after it: leaves first', () => {
    const plan = planDelete(machineFacts(line({}, internal)), ask(['a'], true));
    expect(titles(plan)).toEqual(['Delete c', 'Delete b', 'Delete a']);
    expect(plan.title).toBe('Delete 3 snapshots of web-01');
  });
  test('in an image that is not the disk’s own any more: only off', () => {
    const moved = edit(machineFacts(line({}, internal)), (one) => ({
      ...one,
      record: {
        ...one.record,
        disks: one.record.disks.map((disk) => ({
          ...disk,
          image: { sourceKind: 'file' as const, source: '/images/old.qcow2', format: 'qcow2' },
        })),
      },
    }));
    expect(reasonsOf(planDelete(moved, ask(['a'])))).toEqual(['image-changed']);
    expect(planDelete({ ...moved, state: 'off' }, ask(['a'])).verdict).toBe('allowed');
  });
});

describe('external ones under the disk are merged', () => {
  test.each(['a', 'b', 'c'])('B2 %s, running', (name) => {
    const plan = planDelete(machineFacts(line()), ask([name]));
    expect(plan.verdict).toBe('allowed');
    expect(titles(plan)).toEqual([`Delete ${name}`]);
    expect(plan.steps[0]?.detail).toContain('is merged into its image');
    expect(plan.steps[0]).toMatchObject({ bytes: mib, seconds: 1, undo: null });
  });

  test('4a off: before 9.9 a paused QEMU has to find the chain', () => {
    const off = (libvirt: number) => {
      const world = line({ libvirt });
      perform(world, { do: 'stop' });
      return does(planDelete(machineFacts(world), ask(['a'])));
    };
    const merge = ['delete-snapshot', 'drop-picture'];
    expect(off(9_000_000)).toEqual([
      'start',
      'delete-snapshot',
      'remove-file',
      'drop-picture',
      'stop',
    ]);
    expect(off(9_001_000)).toEqual(['start', ...merge, 'stop']);
    expect(off(9_009_000)).toEqual(merge);
    expect(off(12_000_000)).toEqual(merge);
  });

  test('off with a managed save or devices of the host: refused, no QEMU may start', () => {
    const world = line();
    perform(world, { do: 'stop' });
    const given = machineFacts(world);
    const saved = planDelete({ ...given, managedSave: true }, ask(['a']));
    expect(reasonsOf(saved)).toEqual(['managed-save']);
    expect(reasonsOf(planDelete(withHostDevice(given), ask(['a'])))).toEqual(['host-devices-off']);
  });

  test('several: the oldest first, so that data moves once', () => {
    const plan = planDelete(machineFacts(line()), ask(['a'], true));
    expect(titles(plan).map((title) => title.split(' ')[1])).toEqual(['a', 'b', 'c']);
    expect(plan.costs.bytes).toBe(3 * mib);
  });

  test('B3 the memory file, where libvirt forgets it', () => {
    const on = (libvirt: number) => files(planDelete(machineFacts(line({ libvirt })), ask(['b'])));
    expect(on(9_000_000)).toEqual(['/images/web-01.b.memory']);
    expect(on(9_001_000)).toEqual([]);
    const user = asStranger(machineFacts(line()));
    expect(files(planDelete(user, ask(['b'])))).toEqual([]);
  });

  test('3a after a revert by hand the record names what the machine writes to', () => {
    const world = fork();
    take(world, { name: 'd', ...external });
    const stale = edit(machineFacts(world), (one) => ({
      ...one,
      record: {
        ...one.record,
        disks: one.record.disks.map((disk) => ({ ...disk, source: '/images/gone.qcow2' })),
      },
    }));
    const plan = planDelete(stale, ask(['d']));
    expect(does(plan)[0]).toBe('record-snapshot');
    const [record] = plan.steps[0]?.actions ?? [];
    expect(record).toMatchObject({ name: 'd', current: false });
    expect(JSON.stringify(record)).toContain('/images/web-01.vda.since-d.qcow2');
  });

  test('from 9.9 on libvirt has to know which one is current', () => {
    const given = { ...machineFacts(line({ libvirt: 10_010_000 })), current: 'a' };
    const plan = planDelete(given, ask(['c']));
    expect(plan.steps[0]?.actions).toEqual([{ do: 'make-current', name: 'c' }]);
    expect(does(planDelete({ ...machineFacts(line()), current: 'a' }, ask(['c'])))[0]).toBe(
      'delete-snapshot',
    );
  });
});

describe('external ones that the machine does not stand on', () => {
  test('a leaf: forgotten, and its images and memory removed', () => {
    const plan = planDelete(machineFacts(fork()), ask(['b']));
    expect(titles(plan)).toEqual(['Delete b']);
    expect(plan.steps[0]?.actions[0]).toMatchObject({ do: 'delete-snapshot', flags: 2 });
    expect(files(plan)).toEqual([
      ...['/images/web-01.vda.since-a.qcow2', '/images/web-01.b.memory'],
    ]);
  });

  test.each([9_000_000, 9_009_000, 11_003_000])(
    '4a two lines on its image, libvirt %d: refused, and what stands there is named',
    (libvirt) => {
      const plan = planDelete(machineFacts(fork({ libvirt })), ask(['a']));
      expect(plan).toMatchObject({ verdict: 'refused', steps: [] });
      expect(reasonsOf(plan)).toEqual(['branch-a']);
      expect(plan.reasons[0]?.detail).toContain('b stands on its image');
      expect(plan.alternatives).toEqual([{ title: 'Delete b too', action: ask(['a', 'b']) }]);
    },
  );

  test('with those after it: off the line first, then the merge', () => {
    const plan = planDelete(machineFacts(fork()), ask(['a'], true));
    expect(titles(plan)).toEqual(['Delete b', 'Delete a']);
    expect(plan.steps[1]?.detail).toContain('is merged into its image');
  });

  test('a disk of its own once is never removed', () => {
    const given = machineFacts(line());
    const replaced = given.disks.map((disk) => ({
      ...disk,
      chain: [{ ...disk.chain[0]!, path: '/images/restored.qcow2' }],
    }));
    const plan = planDelete({ ...given, disks: replaced }, ask(['a'], true));
    expect(files(plan)).not.toContain('/images/vda.qcow2');
    expect(plan.checks.map(({ detail }) => detail).join()).toContain('/images/vda.qcow2');
  });

  test('without the right to remove files: libvirt from 9.9 on, refused before', () => {
    const seen = (world: PretendWorld) => asStranger(machineFacts(world));
    expect(reasonsOf(planDelete(seen(fork()), ask(['b'])))).toEqual(['file-access-b']);
    const plan = planDelete(seen(fork({ libvirt: 9_009_000 })), ask(['b']));
    expect(plan.steps[0]?.actions).toEqual([
      { do: 'delete-snapshot', name: 'b', flags: 0 },
      { do: 'drop-picture', snapshot: 'b' },
    ]);
  });
});

describe('refused', () => {
  const rows: readonly (readonly [string, MachineFacts, readonly string[], string])[] = [
    ['D2 a job runs', { ...machineFacts(line()), libvirtJob: 'backup' }, ['a'], 'libvirt-job'],
    ['a change was cut off', { ...machineFacts(line()), unfinished: 'x' }, ['a'], 'unfinished'],
    ['no such snapshot', machineFacts(line()), ['a', 'nope'], 'unknown-snapshot'],
    [
      'B5 an internal one comes before it',
      edit(machineFacts(line()), (one) =>
        one.record.name === 'a' ? { ...one, storage: 'internal' } : one,
      ),
      ['b'],
      'internal-before-b',
    ],
    [
      'B5 an internal one lies inside what would be merged away',
      edit(machineFacts(line()), (one) =>
        one.record.name === 'c'
          ? {
              ...one,
              storage: 'internal',
              frozen: [],
              record: {
                ...one.record,
                parent: null,
                disks: one.record.disks.map((disk) => ({ ...disk, kind: 'internal' as const })),
              },
            }
          : one,
      ),
      ['b'],
      'internal-inside-b',
    ],
    [
      'partly inside and partly beside',
      edit(machineFacts(line()), (one) => ({ ...one, storage: 'mixed' })),
      ['a'],
      'mixed-snapshot',
    ],
    [
      'libvirt does not say what it froze',
      edit(machineFacts(line()), (one) => ({ ...one, frozen: [] })),
      ['a'],
      'image-unknown-a',
    ],
    [
      'what stands on what cannot be read',
      edit(machineFacts(fork()), (one) => ({
        ...one,
        frozen: one.frozen.map((image) => ({ ...image, seen: false, overlays: [] })),
      })),
      ['a'],
      'unseen-a',
    ],
    [
      'libvirt does not list the one above as taken after it',
      edit(machineFacts(line()), (one) => ({ ...one, record: { ...one.record, parent: null } })),
      ['a'],
      'records-disagree-a',
    ],
  ];
  test.each(rows)('%s', (_row, given, names, id) => {
    const plan = planDelete(given, ask(names));
    expect(plan).toMatchObject({ verdict: 'refused', steps: [] });
    expect(reasonsOf(plan)).toContain(id);
  });

  test('a machine that is off whose chain cannot be read', () => {
    const world = line();
    perform(world, { do: 'stop' });
    const given = machineFacts(world);
    const disks = given.disks.map((disk) => ({
      ...disk,
      chain: disk.chain.slice(0, 1).map((image) => ({ ...image, sizeBytes: null })),
    }));
    expect(reasonsOf(planDelete({ ...given, disks }, ask(['c'])))).toEqual(['unseen-c']);
  });

  test('B2 before libvirt 9.0', () => {
    const given = machineFacts(line());
    const old = { ...given, host: { ...given.host, libvirt: 8_010_000 } };
    expect(reasonsOf(planDelete(old, ask(['a'])))).toEqual(['old-libvirt-a']);
  });
});

describe('B19 a deletion that was cut off', () => {
  const cutOff = edit(machineFacts(line()), (one) => ({
    ...one,
    record: {
      ...one.record,
      disks: one.record.disks.map((disk) => ({ ...disk, deleting: one.record.name === 'a' })),
    },
  }));
  test('is finished by deleting it again', () => {
    expect(planDelete(cutOff, ask(['b'])).verdict).toBe('allowed');
  });
  test('comes before that of the one that was marked', () => {
    const plan = planDelete(cutOff, ask(['a', 'b']));
    expect(titles(plan).map((title) => title.split(' ')[1])).toEqual(['b', 'a']);
  });
});

describe('words', () => {
  test('what is lost, and that the revert cannot be undone any more', () => {
    const world = pretendWorld();
    take(world, { name: 'a', ...external });
    carryOut(world, planRevert(machineFacts(world), askRevert({ name: 'a' })));
    const given = machineFacts(world);
    expect(given.undoable).toEqual({ to: 'a', kept: 'before-revert-to-a' });
    const plan = planDelete(given, ask(['before-revert-to-a']));
    expect(does(plan)).toContain('forget-revert');
    expect(plan.lost).toHaveLength(2);
    expect(plan.lost[1]).toBe('Undoing the revert to a');
    expect(plan.stays).toContain('1 snapshot and 1 restore point stay');
  });
});

test('B5 an internal one of another tool lies in an image that would go along', () => {
  const world = pretendWorld({ libvirt: 12_000_000 });
  take(world, { name: 'a', ...external });
  take(world, { name: 'b', ...external });
  const xml = "<domainsnapshot><name>v</name><memory snapshot='internal'/><disks>";
  const disks = "<disk name='vda' snapshot='internal'/></disks></domainsnapshot>";
  const made = { flags: 0, makes: [], freeze: false };
  perform(world, { do: 'create-snapshot', name: 'v', xml: xml + disks, ...made });
  perform(world, { do: 'revert-snapshot', name: 'a', flags: 0 });
  const plan = planDelete(machineFacts(world), ask(['b']));
  expect(reasonsOf(plan)).toEqual(['internal-inside-b']);
  expect(plan.reasons[0]?.detail).toBe('v lies inside its images and would be lost.');
});

describe('in words', () => {
  const summaryOf = (names: readonly string[], world = line()) =>
    planDelete(machineFacts(world), ask([...names])).summary;

  test('how many points are left', () => {
    expect(summaryOf(['a'])).toBe('2 other points to go back to stay');
    const one = pretendWorld();
    take(one, { name: 'only', ...external });
    expect(summaryOf(['only'], one)).toBe('It is the only point to go back to');
  });

  test('which names are like one that is not there', () => {
    const world = pretendWorld();
    for (const name of ['before-upgrade', 'golden', 'clean']) take(world, { name, ...external });
    const why = (name: string) => planDelete(machineFacts(world), ask([name])).reasons[0]?.detail;
    expect(why('before-upgarde')).toContain('There is before-upgrade, ');
    expect(why('Golden')).toContain('There is golden, ');
    const none = planDelete(machineFacts(pretendWorld()), ask(['a'])).reasons[0];
    expect(none?.detail).toBe('It has none; it may have been deleted meanwhile.');
  });
});

describe('another line on what would be merged away', () => {
  const branched = () => {
    const world = line();
    carryOut(world, planRevert(machineFacts(world), askRevert({ name: 'b', keep: false })));
    return machineFacts(world);
  };
  test('is broken by it, so what stands there is named', () => {
    const plan = planDelete(branched(), ask(['a']));
    expect(reasonsOf(plan)).toEqual(['branch-a']);
    expect(plan.alternatives[0]?.action).toEqual(ask(['a', 'c']));
  });
  test('also where only the images tell of it', () => {
    const given = branched();
    const unknown = edit(given, (one) => ({
      ...one,
      frozen: one.frozen.map((image) => ({ ...image, overlays: [] })),
    }));
    expect(reasonsOf(planDelete(unknown, ask(['a'])))).toEqual(['branch-a']);
    expect(planDelete({ ...unknown, bases: [] }, ask(['a'])).verdict).toBe('allowed');
  });
});
