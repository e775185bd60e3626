import { describe, expect, test } from 'vitest';
import type { Snapshot } from '#contract/moments.ts';
import {
  revertTargets,
  takenAfter,
} from '../../../../../src-renderer/views/action/snapshot-family.ts';

function snapshot(name: string, parent: string | null): Snapshot {
  return {
    name,
    parent,
    description: '',
    time: 0,
    current: false,
    machineState: 'running',
    kind: 'internal',
    memory: true,
    disks: ['vda'],
    details: [],
    memoryBytes: null,
    picture: false,
    undoPoint: false,
    broken: null,
    deleting: false,
  };
}

describe('takenAfter', () => {
  const family = [
    snapshot('grandchild', 'child'), // before its parent, as after a clock was turned back
    snapshot('root', null),
    snapshot('child', 'root'),
    snapshot('sibling', 'root'),
    snapshot('other', null),
  ];

  test('finds children of children, in any order of the list', () => {
    expect(new Set(takenAfter(family, ['root']))).toEqual(
      new Set(['child', 'sibling', 'grandchild']),
    );
    expect(takenAfter(family, ['child'])).toEqual(['grandchild']);
    expect(takenAfter(family, ['sibling'])).toEqual([]);
  });

  test('counts nobody twice when a parent and its child are both named', () => {
    expect(takenAfter(family, ['root', 'child'])).toEqual(['grandchild', 'sibling']);
  });

  test('ends where a parent is its own child', () => {
    expect(takenAfter([snapshot('a', 'b'), snapshot('b', 'a')], ['a'])).toEqual(['b']);
  });
});

describe('revertTargets', () => {
  const values = (of: Parameters<typeof revertTargets>[0]) =>
    revertTargets(of).map(({ value }) => value);

  test('with memory: running on, paused or off; without: off, started or paused', () => {
    expect(values({ memory: true, machineState: 'running' })).toEqual([
      'as-taken',
      'paused',
      'off',
    ]);
    expect(values({ memory: false, machineState: 'running' })).toEqual([
      'as-taken',
      'running',
      'paused',
    ]);
  });

  test('offers no choice while nothing is known of the snapshot', () => {
    expect(values(null)).toEqual(['as-taken']);
  });
});
