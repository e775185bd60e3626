import { describe, expect, test } from 'vitest';
import type { Snapshot } from '#contract/moments.ts';
import { layOutSnapshots } from '../../../../../src-renderer/views/machine/snapshot-lines.ts';

function snapshot(name: string, time: number, parent: string | null, current = false): Snapshot {
  return {
    name,
    description: '',
    time,
    parent,
    current,
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

const mock = [
  snapshot('fresh-install', 10, null),
  snapshot('before-upgrade', 20, 'fresh-install'),
  snapshot('upgrade-31', 30, 'before-upgrade'),
  snapshot('repaired-db', 40, 'upgrade-31'),
  snapshot('php-8.4', 50, 'before-upgrade'),
  snapshot('before-31-again', 60, 'php-8.4', true),
];

describe('layOutSnapshots', () => {
  test('the line you are on is straight, the branch you left hangs below', () => {
    const tree = layOutSnapshots(mock);
    expect(tree.nodes.map((node) => [node.snapshot.name, node.row])).toEqual([
      ['fresh-install', 0],
      ['before-upgrade', 0],
      ['upgrade-31', 1],
      ['repaired-db', 1],
      ['php-8.4', 0],
      ['before-31-again', 0],
    ]);
    expect(tree.rows).toBe(2);
    expect(tree.here).toEqual({ from: 60 });
  });

  test('the way back is drawn at the end of the branch that was left', () => {
    expect(layOutSnapshots(mock).lines.filter((line) => line.kind === 'back')).toEqual([
      { kind: 'back', row: 0, fromRow: 1, from: 40, to: 40 },
    ]);
  });

  test('a single line has one row and no way back', () => {
    const tree = layOutSnapshots([snapshot('a', 1, null), snapshot('b', 2, 'a', true)]);
    expect(tree.rows).toBe(1);
    expect(tree.lines.map((line) => line.kind)).toEqual(['line']);
  });

  test('no snapshot, no line', () => {
    expect(layOutSnapshots([])).toEqual({ nodes: [], lines: [], rows: 1, here: null });
  });

  test('a parent that libvirt no longer has, or a loop, does no harm', () => {
    expect(layOutSnapshots([snapshot('b', 2, 'gone', true)]).nodes).toHaveLength(1);
    const loop = [snapshot('a', 1, 'b', true), snapshot('b', 2, 'a')];
    expect(layOutSnapshots(loop).nodes).toHaveLength(2);
  });
});
