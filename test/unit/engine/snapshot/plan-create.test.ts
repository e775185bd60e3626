import { describe, expect, test } from 'vitest';
import type { MachineFacts } from '#engine/interlock/facts.ts';
import { planCreate } from '#engine/snapshot/plan-create.ts';
import { machineFacts } from '../../../fakes/machine-facts.ts';
import { addCheckpoint, pretendWorld, type PretendSpec } from '../../../fakes/pretend-world.ts';
import {
  asStranger,
  askCreate as ask,
  created,
  does,
  extraDisk,
  facts,
  factsWith,
  reasonsOf,
  withHostDevice,
  withImages,
  type Create,
} from './ask.ts';

describe('how it is taken', () => {
  const marked = (spec: PretendSpec) => {
    const world = pretendWorld(spec);
    addCheckpoint(world, 'waymark-1');
    addCheckpoint(world, 'waymark-2');
    return machineFacts(world);
  };
  const taken = ['create-snapshot', 'keep-picture'];
  const aside = [
    ...['delete-checkpoint', 'delete-checkpoint', 'create-snapshot'],
    ...['record-checkpoint', 'record-checkpoint'],
  ];
  const rows: readonly (readonly [string, MachineFacts, Partial<Create>, readonly string[]])[] = [
    ['running, with memory', facts(), {}, taken],
    ['A2 internal beside checkpoints', marked({}), {}, taken],
    ['A4 external beside checkpoints', marked({}), { memory: false }, taken],
    ['off', facts({ state: 'off' }), {}, ['create-snapshot']],
    [
      'B16 off, external: the overlay is made private',
      facts({ state: 'off' }),
      { storage: 'external' },
      ['create-snapshot', 'protect-file'],
    ],
    ['A5 off with checkpoints, internal, 9.0', marked({ state: 'off' }), {}, aside],
    ['A5 … 9.9', marked({ state: 'off', libvirt: 9_009_000 }), {}, aside],
    ['A5 … 10.10', marked({ state: 'off', libvirt: 10_010_000 }), {}, aside],
    ['A5 … 11.3', marked({ state: 'off', libvirt: 11_003_000 }), {}, ['create-snapshot']],
    ...[9_000_000, 9_009_000, 11_003_000, 12_000_000].map(
      (libvirt) =>
        [
          `A5 off with checkpoints, external, ${libvirt}`,
          marked({ state: 'off', libvirt }),
          { storage: 'external' },
          ['start', 'create-snapshot', 'protect-file', 'stop'],
        ] as const,
    ),
  ];
  test.each(rows)('%s', (_row, given, asked, expected) => {
    expect(does(planCreate(given, ask(asked)))).toEqual(expected);
  });

  test('checkpoints are set aside youngest first and come back parents first, whole', () => {
    const given = marked({ state: 'off' });
    const [first, , last] = planCreate(given, ask()).steps;
    expect(first?.actions).toEqual([
      { do: 'delete-checkpoint', name: 'waymark-2', metadataOnly: true },
      { do: 'delete-checkpoint', name: 'waymark-1', metadataOnly: true },
    ]);
    const back = given.checkpoints.map(({ name, xml }) => ({ do: 'record-checkpoint', name, xml }));
    expect(last?.actions).toEqual(back);
    expect(first?.undo).toEqual(back);
  });

  test('A5 external with host devices is refused: they would have to be taken', () => {
    const given = withHostDevice(marked({ state: 'off' }));
    expect(reasonsOf(planCreate(given, ask({ storage: 'external' })))).toEqual([
      'host-devices-off',
    ]);
  });

  test('B16 where the overlay cannot be protected, a paused QEMU makes it private', () => {
    const given = facts({ state: 'off', disks: ['raw'] });
    const user = asStranger(given);
    const plan = planCreate(user, ask());
    expect(does(plan)).toEqual(['start', 'create-snapshot', 'stop']);
    expect(plan.checks.find(({ id }) => id === 'revert-access')?.level).toBe('warning');
    const fixed = { ...user, host: { ...user.host, libvirt: 11_010_000 } };
    expect(does(planCreate(fixed, ask()))).toEqual(['create-snapshot']);
    const stuck = planCreate(withHostDevice(user), ask());
    expect(does(stuck)).toEqual(['create-snapshot']);
    expect(stuck.checks.find(({ id }) => id === 'open-overlay')?.accept).toBeDefined();
  });

  test('B12 file systems are frozen only of a running machine, disks only, with its agent', () => {
    const agent = { agentConnected: true };
    const quiesce = (given: MachineFacts, asked: Partial<Create>) => {
      const action = created(planCreate(given, ask(asked)));
      expect(action.freeze).toBe((action.flags & 64) !== 0);
      return action.freeze;
    };
    expect(quiesce(facts({}, agent), { memory: false })).toBe(true);
    expect(quiesce(facts({}, agent), { memory: false, freeze: false })).toBe(false);
    expect(quiesce(facts({}, agent), {})).toBe(false);
    expect(quiesce(facts(), { memory: false })).toBe(false);
    expect(quiesce(facts({ state: 'paused' }, agent), { memory: false })).toBe(false);
    expect(quiesce(facts({ state: 'off' }, agent), { storage: 'external' })).toBe(false);
    const silent = planCreate(facts(), ask({ memory: false })).checks;
    expect(silent.find(({ id }) => id === 'consistency')?.detail).toContain('No guest agent');
  });

  test('B3 undoing one with memory removes the file that libvirt 9.0 forgets', () => {
    const undo = (libvirt: number) =>
      planCreate(facts({ libvirt }), ask({ storage: 'external' })).steps[0]?.undo?.map(
        (action) => action.do,
      );
    expect(undo(9_000_000)).toEqual(['delete-snapshot', 'remove-file', 'drop-picture']);
    expect(undo(9_001_000)).toEqual(['delete-snapshot', 'drop-picture']);
  });
});

test('no alternative is offered twice', () => {
  const given = machineFacts(pretendWorld({ disks: ['qcow2', 'raw'] }));
  const plan = planCreate(given, ask({ storage: 'internal', memory: true }));
  const actions = plan.alternatives.map(({ action }) => JSON.stringify(action));
  expect(actions.length).toBeGreaterThan(0);
  expect(new Set(actions).size).toBe(actions.length);
});

describe('refused at once', () => {
  const rows: readonly (readonly [string, Partial<MachineFacts>, string])[] = [
    ['D2 libvirt is at work', { libvirtJob: 'backup' }, 'libvirt-job'],
    ['D2 libvirt lost a job', { libvirtJob: 'unknown', lostJob: true }, 'lost-job'],
    ['D2 Waymark is at work', { waymarkJob: 'Back up web-01' }, 'waymark-job'],
    ['a change was cut off', { unfinished: 'Revert web-01' }, 'unfinished'],
    ['B11 the guest sleeps', { state: 'suspended' }, 'suspended'],
    ['it crashed', { state: 'crashed' }, 'state-crashed'],
    ['it is shutting down', { state: 'shutting-down' }, 'state-shutting-down'],
    ['its state is not known', { state: 'unknown' }, 'state-unknown'],
    ['it has no disks', { disks: [] }, 'no-disks'],
    ['B14 off with a managed save', { state: 'off', managedSave: true }, 'managed-save'],
  ];
  test.each(rows)('%s', (_row, replace, id) => {
    const plan = planCreate(facts({}, replace), ask());
    expect(plan).toMatchObject({ verdict: 'refused', steps: [], undoAction: null });
    expect(reasonsOf(plan)).toContain(id);
  });

  test('only disks that cannot take part: each is named with its reason', () => {
    const given = extraDisk({ ...facts(), disks: [] }, 'sda', 'cdrom');
    const [reason] = planCreate(extraDisk(given, 'vdb', 'network'), ask()).reasons;
    expect(reason?.id).toBe('no-disks');
    expect(reason?.detail).toContain('sda is a CD-ROM, vdb is on the network');
  });

  test('B15 no 201st image', () => {
    const plan = planCreate(withImages(factsWith('external'), 200), ask());
    expect(reasonsOf(plan)).toContain('chain-full');
  });
});
