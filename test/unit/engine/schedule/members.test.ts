import { describe, expect, test } from 'vitest';
import type { HostId, MachineId, MachineState } from '#contract/domain.ts';
import type { PlanMachines } from '#contract/plans.ts';
import { leftOut, membersOf, type Remembered, type Seen } from '#engine/schedule/members.ts';

const host = (name: string) => name as HostId;
const id = (text: string) => text as MachineId;

/** "host/uuid", and its state where it matters: "host/uuid/off". */
function seen(machines: readonly string[], away: readonly string[] = []): Seen {
  return {
    hosts: ['h1', 'h2'].map((name) => ({
      ...{ id: host(name), name, connected: !away.includes(name) },
    })),
    machines: machines.map((text) => {
      const [where = '', uuid = '', state = 'running'] = text.split('/');
      const about = { uuid, name: `name-${uuid}`, host: host(where), disks: ['vda'] };
      return { ...about, id: id(`${where}/${uuid}`), state: state as MachineState };
    }),
  };
}

function known(...texts: readonly string[]): readonly Remembered[] {
  return texts.map((text) => {
    const uuid = text.split('/')[1] ?? '';
    return { uuid, id: id(text), name: `name-${uuid}` };
  });
}

function chosen(...ids: readonly string[]): PlanMachines {
  return { kind: 'chosen', machines: ids.map(id) };
}

const all: PlanMachines = { kind: 'all', except: [] };
const ids = (members: ReturnType<typeof membersOf>) => members.here.map((one) => String(one.id));

test('chosen machines, in their order, each once', () => {
  expect(
    ids(membersOf(chosen('h1/a', 'h2/b', 'h1/a'), seen(['h1/a', 'h2/b', 'h1/c']), [])),
  ).toEqual([...['h1/a', 'h2/b']]);
});

test('one that moved to another host is the same machine', () => {
  const members = membersOf(chosen('h1/a'), seen(['h2/a']), known('h1/a'));
  expect(ids(members)).toEqual(['h2/a']);
  expect(members.fresh.map((one) => String(one.id))).toEqual(['h2/a']);
});

test('one on a host that is away is still meant, by its name', () => {
  const members = membersOf(chosen('h1/a'), seen([], ['h1']), known('h1/a'));
  expect(members.here).toMatchObject([{ name: 'name-a', disks: null }]);
  expect(members.gone).toEqual([]);
});

test('one that is on no host any more is gone, and its name is kept', () => {
  const members = membersOf(chosen('h1/a', 'h1/b'), seen(['h1/b']), known('h1/a', 'h1/b'));
  expect(ids(members)).toEqual(['h1/b']);
  expect(members.gone).toMatchObject([{ uuid: 'a', name: 'name-a' }]);
  expect(members.forget).toEqual([]);
  const forgotten = membersOf(chosen('h9/a'), seen([]), []);
  expect(forgotten.gone).toMatchObject([{ uuid: 'a' }]);
});

test('all machines: new ones, not those taken out, and those of a host that is away', () => {
  const except: PlanMachines = { kind: 'all', except: [id('h1/b')] };
  const members = membersOf(except, seen(['h1/a', 'h1/b'], ['h2']), known('h2/c', 'h1/old'));
  expect(ids(members)).toEqual(['h1/a', 'h2/c']);
  expect(members.forget).toEqual(['old']);
  expect(ids(membersOf(all, seen([]), []))).toEqual([]);
});

test('all machines of one host', () => {
  const wanted: PlanMachines = { kind: 'host', host: host('h2'), except: [] };
  expect(ids(membersOf(wanted, seen(['h1/a', 'h2/b']), []))).toEqual(['h2/b']);
});

describe('a machine that a migration left on two hosts', () => {
  const found = (wanted: PlanMachines, texts: readonly string[], remembered: string[] = []) => {
    const { doubtful, ...members } = membersOf(wanted, seen(texts), known(...remembered));
    return { ids: ids({ ...members, doubtful }), doubtful };
  };
  const only = (name: string): PlanMachines => ({ kind: 'host', host: host(name), except: [] });
  const doubt = (where: string, ...others: string[]) => [{ name: 'name-a', host: where, others }];

  test.each<[string, PlanMachines, string[], string[]]>([
    ['all machines', all, ['h1/a', 'h2/a/off'], ['h1/a']],
    ['in whatever order', all, ['h2/a/off', 'h1/a'], ['h1/a']],
    ['chosen where it was before', chosen('h1/a'), ['h1/a/off', 'h2/a'], ['h2/a']],
    ['still moving', chosen('h2/a'), ['h1/a', 'h2/a/paused'], ['h1/a']],
    ['all of the host it is on', only('h2'), ['h1/a/off', 'h2/a'], ['h2/a']],
    ['all of the host it left', only('h1'), ['h1/a/off', 'h2/a'], []],
  ])('is the one that is on: %s', (_, wanted, texts, expected) => {
    expect(found(wanted, texts)).toEqual({ ids: expected, doubtful: [] });
  });

  test.each<[string, PlanMachines, string[], string[], string, string]>([
    ['off on both', all, ['h2/a/off', 'h1/a/off'], [], 'h1', 'h2'],
    ['on on both', all, ['h2/a', 'h1/a'], [], 'h1', 'h2'],
    ['where it was seen last', all, ['h1/a/off', 'h2/a/off'], ['h2/a'], 'h2', 'h1'],
    ['and not where it was chosen', chosen('h1/a'), ['h1/a/off', 'h2/a/off'], ['h2/a'], 'h2', 'h1'],
    ['as it was chosen', chosen('h2/a'), ['h1/a/off', 'h2/a/off'], [], 'h2', 'h1'],
    ['on the host that is meant', only('h2'), ['h1/a/off', 'h2/a/off'], [], 'h2', 'h1'],
  ])('is one and told of where that cannot be told: %s', (...story) => {
    const [, wanted, texts, remembered, where, other] = story;
    const expected = { ids: [`${where}/a`], doubtful: doubt(where, other) };
    expect(found(wanted, texts, remembered)).toEqual(expected);
    expect(found(wanted, texts.toReversed(), remembered)).toEqual(expected);
  });
});

test('what is written down as it is needs no writing', () => {
  expect(membersOf(all, seen(['h1/a']), known('h1/a')).fresh).toEqual([]);
});

test('disks stay out when the machine moves to another host', () => {
  const exclude = [
    { machine: id('h1/a'), targets: ['vdb'] },
    { machine: id('h2/b'), targets: ['vdc'] },
    { machine: id('h1/b'), targets: ['vdd'] },
  ];
  expect(leftOut(exclude, id('h2/a'))).toEqual(['vdb']);
  expect(leftOut(exclude, id('h1/b'))).toEqual(['vdd']);
  expect(leftOut(exclude, id('h1/c'))).toEqual([]);
});
