import { describe, expect, test } from 'vitest';
import { planRevert } from '#engine/snapshot/plan-revert.ts';
import { planRevertUndo } from '#engine/snapshot/plan-undo.ts';
import { checkpointFacts, machineFacts } from '../../../fakes/machine-facts.ts';
import {
  guestWrites,
  presentOf,
  pretendWorld,
  type PretendSpec,
  type PretendWorld,
} from '../../../fakes/pretend-world.ts';
import { askRevert, carryOut, does, reasonsOf, take, type Create } from './ask.ts';

const action = { kind: 'revert-undo' } as const;

/** Went back to `good` and wrote since. */
function reverted(how: Partial<Create>, spec: PretendSpec = {}): PretendWorld {
  const world = pretendWorld(spec);
  guestWrites(world, 0, 5);
  take(world, { name: 'good', ...how });
  guestWrites(world, 1, 6);
  carryOut(world, planRevert(machineFacts(world), askRevert()));
  guestWrites(world, 2, 7);
  return world;
}

describe('goes back to the point that was kept, which then is gone', () => {
  const rows: readonly (readonly [string, Partial<Create>, number])[] = [
    ['internal', { storage: 'internal' }, 9_000_000],
    ['internal, 11.4', { storage: 'internal' }, 11_004_000],
    ['external, 9.0', { storage: 'external' }, 9_000_000],
    ['external, 9.9', { storage: 'external' }, 9_009_000],
    ['external, 12.0', { storage: 'external' }, 12_000_000],
    ['external, disks only, 9.0', { storage: 'external', memory: false }, 9_000_000],
  ];
  test.each(rows)('%s', (_row, how, libvirt) => {
    const world = reverted(how, { libvirt });
    const plan = planRevertUndo(machineFacts(world), action);
    expect(plan).toMatchObject({ verdict: 'allowed', tier: 2, confirm: null, undoAction: null });
    expect(does(plan).slice(-3)).toEqual(
      libvirt < 9_001_000 && how.storage === 'external'
        ? ['remove-file', 'drop-picture', 'forget-revert']
        : ['delete-snapshot', 'drop-picture', 'forget-revert'],
    );
    expect(does(plan)).not.toContain('note-revert');
    carryOut(world, plan);
    expect(presentOf(world)).toEqual({ vda: { 0: 5, 1: 6 } });
    expect(world.records.map(({ name }) => name)).toEqual(['good']);
    expect(world.current).toBe('good');
    expect(world.undoable).toBeNull();
    expect(world.state).toBe('running');
  });
});

test('what came since the revert is lost, and it is said', () => {
  const plan = planRevertUndo(machineFacts(reverted({ storage: 'internal' })), action);
  expect(plan.lost).toEqual([
    'Everything web-01 did since it went back to good',
    'What it has in memory now',
  ]);
});

test('checkpoints set since go first', () => {
  const facts = machineFacts(reverted({ storage: 'internal' }));
  const plan = planRevertUndo({ ...facts, checkpoints: [checkpointFacts('waymark-1')] }, action);
  expect(does(plan).slice(0, 2)).toEqual(['delete-checkpoint', 'revert-snapshot']);
  expect(plan.verdict).toBe('allowed-after');
});

test('the point stays where snapshots were taken after it', () => {
  const world = reverted({ storage: 'external' });
  const facts = machineFacts(world);
  const [good, kept] = facts.snapshots;
  const child = { ...kept!, record: { ...kept!.record, name: 'x', parent: kept!.record.name } };
  const plan = planRevertUndo({ ...facts, snapshots: [good!, kept!, child] }, action);
  expect(does(plan).at(-1)).toBe('forget-revert');
  expect(does(plan)).not.toContain('delete-snapshot');
});

describe('refused', () => {
  test('nothing was kept', () => {
    const facts = { ...machineFacts(reverted({})), undoable: null };
    expect(reasonsOf(planRevertUndo(facts, action))).toEqual(['nothing-to-undo']);
  });
  test('the point was deleted', () => {
    const facts = { ...machineFacts(reverted({})), undoable: { to: 'good', kept: 'gone' } };
    expect(reasonsOf(planRevertUndo(facts, action))).toEqual(['nothing-to-undo']);
  });
  test('D2 a job runs', () => {
    const facts = { ...machineFacts(reverted({})), waymarkJob: 'Back up web-01' };
    expect(reasonsOf(planRevertUndo(facts, action))).toEqual(['waymark-job']);
  });
});

test('B14 a managed save goes first, with a tick', () => {
  const world = reverted({ storage: 'internal' });
  const facts = machineFacts(world, { state: 'off', managedSave: true, liveXml: null });
  const plan = planRevertUndo(facts, action);
  expect(does(plan)[0]).toBe('drop-managed-save');
  expect(plan.checks.flatMap(({ accept }) => accept ?? [])).toEqual(['Drop the saved memory']);
});
