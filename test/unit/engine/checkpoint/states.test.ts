/** When libvirt is asked, and what is told in between. D2 and D13 of the facts about libvirt. */
import { describe, expect, test } from 'vitest';
import type { MachineId } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import { createCheckpointStates, type StatesMachine } from '#engine/checkpoint/states.ts';
import { maxAskedCheckpoints } from '#engine/checkpoint/ask-states.ts';
import type { ChangedBytes, CheckpointRecord } from '#engine/hypervisor/hypervisor.ts';
import { fakeWorld } from '../../../fakes/world.ts';
import { machine as machineFacts } from './machine.ts';

const { definition } = machineFacts();
const kib = 1024;

interface PretendMachine {
  active: boolean;
  job: string | null;
  busy: boolean;
  away: AppError | null;
  references: string[];
  checkpoints: CheckpointRecord[];
  bytes: number | null;
}

function record(name: string, time: number): CheckpointRecord {
  const disks = [{ target: 'vda', bitmap: name }];
  return { name, time, parent: null, description: '', disks, xml: '' };
}

/** Machines by id, with how often and how many at a time libvirt was asked. */
function set(count: number) {
  const world = fakeWorld();
  const machines = new Map<MachineId, PretendMachine>();
  const ids = Array.from({ length: count }, (_, at) => `host/${at}` as MachineId);
  for (const id of ids) {
    machines.set(id, {
      active: true,
      job: null,
      busy: false,
      away: null,
      references: ['a'],
      checkpoints: [record('a', 1000)],
      bytes: 64 * kib,
    });
  }
  const asked: { machine: MachineId; name: string; at: number }[] = [];
  const changed: MachineId[] = [];
  let together = 0;
  let most = 0;
  const hypervisorOf = (id: MachineId, one: PretendMachine): StatesMachine['hypervisor'] => ({
    listCheckpoints: async () => {
      if (one.away !== null) throw one.away;
      return one.checkpoints;
    },
    checkpointChangedBytes: async (_uuid, name): Promise<readonly ChangedBytes[]> => {
      asked.push({ machine: id, name, at: world.clock.monotonic() });
      together += 1;
      most = Math.max(most, together);
      await world.clock.sleep(10);
      together -= 1;
      if (one.busy) throw new AppError('machine-busy', 'Another job is under way.');
      return [{ target: 'vda', bytes: one.bytes }];
    },
  });
  const states = createCheckpointStates({
    world,
    machines: () => [...machines.keys()],
    find: (id) => {
      const one = machines.get(id);
      if (one === undefined) throw new AppError('machine-not-found', 'It is not there.');
      const { active, job } = one;
      const hypervisor = hypervisorOf(id, one);
      return { uuid: id, hypervisor, definition, active, job, references: () => one.references };
    },
    changed: (id) => changed.push(id),
  });
  const of = async (id: MachineId) => {
    const answer = states.of(id);
    await world.clock.advance(500);
    return answer;
  };
  const [first = '' as MachineId] = ids;
  const one = machines.get(first);
  if (one === undefined) throw new Error('No machine.');
  return { world, machines, ids, first, one, asked, changed, states, of, most: () => most };
}

describe('asked for one machine', () => {
  test('how each is and what changed, summed', async () => {
    const { of, first } = set(1);
    expect((await of(first)).checkpoints).toEqual([
      {
        name: 'a',
        health: 'healthy',
        changedBytes: 64 * kib,
        disks: [{ target: 'vda', health: 'healthy', changedBytes: 64 * kib }],
      },
    ]);
  });

  test('not within five seconds again, and many askings at once are one', async () => {
    const { world, of, first, one, asked, states } = set(1);
    const answers = [states.of(first), states.of(first), states.of(first)];
    await world.clock.advance(100);
    await Promise.all(answers);
    expect(asked).toHaveLength(1);
    one.bytes = 128 * kib;
    await world.clock.advance(4000);
    expect((await of(first)).checkpoints[0]?.changedBytes).toBe(64 * kib);
    expect(asked).toHaveLength(1);
    await world.clock.advance(1000);
    expect((await of(first)).checkpoints[0]?.changedBytes).toBe(128 * kib);
    expect(asked).toHaveLength(2);
  });

  test('D2: never while a job of Waymark is under way: from memory, and said so', async () => {
    const { world, of, first, one, asked } = set(1);
    const before = await of(first);
    one.job = 'Back up web-01 to attic';
    await world.clock.advance(60_000);
    const during = await of(first);
    expect(during).toMatchObject({ at: before.at, checkpoints: before.checkpoints });
    expect(during.waits).toContain('Back up web-01 to attic');
    expect(asked).toHaveLength(1);
    one.job = null;
    expect((await of(first)).waits).toBeNull();
    expect(asked).toHaveLength(2);
  });

  test('with nothing in memory then, the names at least', async () => {
    const { of, first, one, asked } = set(1);
    one.job = 'Back up web-01 to attic';
    expect((await of(first)).checkpoints).toMatchObject([
      { name: 'a', health: 'unknown', changedBytes: null },
    ]);
    expect(asked).toEqual([]);
  });

  test('libvirt busy: what was known stays, and what waits is said', async () => {
    const { world, of, first, one } = set(1);
    const before = await of(first);
    one.busy = true;
    await world.clock.advance(10_000);
    const during = await of(first);
    expect(during.waits).toContain('libvirt');
    expect(during.at).toBe(before.at);
    expect(during.checkpoints).toEqual(before.checkpoints);
  });

  test('the host away: what was known, with why; nothing known: the error', async () => {
    const { world, of, first, one, states } = set(1);
    one.away = new AppError('libvirt-connection-lost', 'libvirt does not answer now.');
    const answer = expect(states.of(first)).rejects.toMatchObject({
      code: 'libvirt-connection-lost',
    });
    await world.clock.advance(100);
    await answer;
    one.away = null;
    await world.clock.advance(10_000);
    const known = await of(first);
    one.away = new AppError('libvirt-connection-lost', 'libvirt does not answer now.');
    await world.clock.advance(10_000);
    expect(await of(first)).toEqual({ ...known, waits: 'libvirt does not answer now.' });
  });

  test('a machine that is not there is an error', async () => {
    await expect(set(1).states.of('host/none' as MachineId)).rejects.toMatchObject({
      code: 'machine-not-found',
    });
  });

  test('one that is gone is not told of any more', async () => {
    const { world, of, first, one } = set(1);
    one.checkpoints = [record('a', 1000), record('b', 2000)];
    await of(first);
    one.checkpoints = [record('b', 2000)];
    await world.clock.advance(10_000);
    expect((await of(first)).checkpoints.map(({ name }) => name)).toEqual(['b']);
  });

  test('of very many only the newest are asked about', async () => {
    const { world, states, first, one, asked } = set(1);
    one.checkpoints = Array.from({ length: 50 }, (_, at) => record(`c${at}`, at));
    const answer = states.of(first);
    await world.clock.advance(5000);
    const { checkpoints } = await answer;
    expect(asked).toHaveLength(maxAskedCheckpoints);
    expect(checkpoints).toHaveLength(50);
    expect(checkpoints[0]?.health).toBe('unknown');
    expect(checkpoints[49]?.health).toBe('healthy');
  });

  test('a broken one is no number', async () => {
    const { of, first, one } = set(1);
    one.bytes = null;
    // Its image cannot be read here, so whether the bitmap is broken or gone is not told apart.
    expect((await of(first)).checkpoints).toMatchObject([
      { health: 'inconsistent', changedBytes: null },
    ]);
  });
});

describe('the sweep', () => {
  test('D13: goes round forty machines, one at a time, with rests', async () => {
    const { world, ids, asked, states, most, changed } = set(40);
    states.start();
    await world.clock.advance(62_000);
    expect(new Set(asked.map(({ machine }) => machine))).toEqual(new Set(ids));
    expect(most()).toBe(1);
    for (const [index, { at }] of asked.entries()) {
      const before = asked[index - 1];
      if (before !== undefined) expect(at - before.at).toBeGreaterThanOrEqual(1500);
    }
    expect(new Set(changed)).toEqual(new Set(ids));
    expect(states.changedOf(ids[7] ?? ('' as MachineId))).toMatchObject({
      bytes: 64 * kib,
      since: 1000,
    });
    await states.stop();
  });

  test('a single machine is left in peace between two rounds', async () => {
    const { world, asked, states } = set(1);
    states.start();
    await world.clock.advance(120_000);
    expect(asked.length).toBeGreaterThanOrEqual(3);
    expect(asked.length).toBeLessThanOrEqual(4);
    await states.stop();
  });

  test('says when a number changed, and only then', async () => {
    const { world, one, first, changed, states } = set(1);
    states.start();
    await world.clock.advance(100_000);
    expect(changed).toEqual([first]);
    one.bytes = 128 * kib;
    await world.clock.advance(40_000);
    expect(changed).toEqual([first, first]);
    expect(states.changedOf(first)?.bytes).toBe(128 * kib);
    await states.stop();
  });

  test('passes over what is off, busy or has no reference', async () => {
    const { world, machines, ids, asked, states } = set(4);
    const [off, working, without, left] = ids.map((id) => machines.get(id));
    if (!off || !working || !without || !left) throw new Error('No machines.');
    off.active = false;
    working.job = 'Back up';
    without.references = [];
    states.start();
    await world.clock.advance(20_000);
    expect(asked.map(({ machine }) => machine)).toEqual([ids[3]]);
    await states.stop();
  });

  test('one that fails does not keep the others waiting', async () => {
    const { world, one, ids, asked, states } = set(3);
    one.away = new AppError('libvirt-connection-lost', 'libvirt does not answer now.');
    states.start();
    await world.clock.advance(10_000);
    expect(asked.map(({ machine }) => machine).sort()).toEqual([ids[1], ids[2]]);
    await states.stop();
  });

  test('of a machine that stopped nothing is told', async () => {
    const { world, one, first, changed, states } = set(1);
    states.start();
    await world.clock.advance(5000);
    expect(states.changedOf(first)).not.toBeNull();
    one.active = false;
    await world.clock.advance(2000);
    expect(states.changedOf(first)).toBeNull();
    expect(changed).toHaveLength(2);
    await states.stop();
  });

  test('the newest reference counts, not what else is there', async () => {
    const { world, one, first, states } = set(1);
    one.checkpoints = [record('a', 1000), record('b', 2000), record('nightly', 3000)];
    one.references = ['a', 'b'];
    states.start();
    await world.clock.advance(5000);
    expect(states.changedOf(first)?.since).toBe(2000);
    await states.stop();
  });

  test('ends when it is told to, and asks nothing afterwards', async () => {
    const { world, asked, states } = set(5);
    states.start();
    await world.clock.advance(3200);
    const count = asked.length;
    await states.stop();
    await world.clock.advance(60_000);
    expect(asked).toHaveLength(count);
    expect(world.clock.waiting).toBe(0);
  });

  test('a machine that is gone is forgotten', async () => {
    const { world, machines, first, states } = set(2);
    states.start();
    await world.clock.advance(5000);
    machines.delete(first);
    await world.clock.advance(5000);
    expect(states.changedOf(first)).toBeNull();
    await states.stop();
  });
});
