import { describe, expect, test } from 'vitest';
import type { JobId } from '#contract/domain.ts';
import type { Revert } from '#contract/moments.ts';
import { layOutSnapshots } from '../../../../../src-renderer/views/machine/snapshot-lines.ts';
import { nextcloud, snapshot } from './snapshots.ts';

const revert = (time: number, to: string, kept: string | null = null): Revert => ({
  job: `job-${time}` as JobId,
  time,
  to,
  kept,
  lostSince: null,
});

describe('layOutSnapshots', () => {
  test('the line you are on is straight, the branch you left hangs below', () => {
    const drawing = layOutSnapshots(nextcloud, []);
    expect(drawing.nodes.map((node) => [node.snapshot.name, node.row])).toEqual([
      ['fresh-install', 0],
      ['before-upgrade', 0],
      ['upgrade-31', 1],
      ['repaired-db', 1],
      ['php-8.4', 0],
      ['before-31-again', 0],
    ]);
    expect(drawing.rows).toBe(2);
    expect(drawing.here).toEqual({ from: 60 });
  });

  test('a revert nobody recorded is drawn at the end of the branch that was left', () => {
    const back = layOutSnapshots(nextcloud, []).strokes.filter(({ kind }) => kind === 'back');
    expect(back).toEqual([{ kind: 'back', row: 0, fromRow: 1, from: 40, to: 40, known: false }]);
  });

  test('a revert Waymark ran is drawn when it happened: nothing was kept until then', () => {
    const { strokes, reverts } = layOutSnapshots(nextcloud, [
      revert(45, 'before-upgrade', 'repaired-db'),
    ]);
    expect(reverts).toEqual([{ time: 45, row: 0, to: 'before-upgrade' }]);
    expect(strokes).toContainEqual(
      expect.objectContaining({ kind: 'gap', row: 0, from: 20, to: 45 }),
    );
    expect(strokes).toContainEqual(
      expect.objectContaining({ kind: 'line', row: 0, from: 45, to: 60 }),
    );
    expect(strokes).toContainEqual(
      expect.objectContaining({ kind: 'left', fromRow: 0, row: 1, from: 20, to: 45 }),
    );
    expect(strokes).toContainEqual(
      expect.objectContaining({ kind: 'back', fromRow: 1, row: 0, to: 45, known: true }),
    );
  });

  test('a revert that kept nothing leaves a gap on your own line', () => {
    const line = [snapshot('a', 1, null), snapshot('b', 5, 'a', { current: true })];
    const { strokes, here } = layOutSnapshots(line, [revert(9, 'b')]);
    expect(strokes.map(({ kind, from, to }) => [kind, from, to])).toEqual([
      ['line', 1, 5],
      ['gap', 5, 9],
    ]);
    expect(here).toEqual({ from: 9 });
  });

  test('each branch ends at the revert that left it', () => {
    const { strokes } = layOutSnapshots(
      [
        snapshot('a', 1, null, { current: true }),
        snapshot('first', 2, 'a'),
        snapshot('second', 5, 'a'),
      ],
      [revert(7, 'a', 'second'), revert(3, 'a', 'first')],
    );
    const begins = strokes.filter(({ kind, from, to }) => kind === 'left' && to > from);
    expect(begins.map(({ from, to }) => [from, to])).toEqual([
      [1, 3],
      [3, 7],
    ]);
    const backs = strokes.filter(({ kind }) => kind === 'back');
    expect(backs.map(({ to, fromRow }) => [to, fromRow])).toEqual([
      [3, 1],
      [7, 1], // the row was free again
    ]);
  });

  test('a revert to a snapshot that is gone has no mark', () => {
    expect(layOutSnapshots(nextcloud, [revert(45, 'deleted')]).reverts).toEqual([]);
  });

  test('a single line is one stroke, and has no way back', () => {
    const line = [
      snapshot('a', 1, null),
      snapshot('b', 2, 'a'),
      snapshot('c', 3, 'b', { current: true }),
    ];
    const drawing = layOutSnapshots(line, []);
    expect(drawing.rows).toBe(1);
    expect(drawing.strokes.map(({ kind, from, to }) => [kind, from, to])).toEqual([['line', 1, 3]]);
  });

  test('more branches than rows share the last one', () => {
    const many = Array.from({ length: 8 }, (_, n) => snapshot(`b${n}`, 10 + n, 'a'));
    const drawing = layOutSnapshots([snapshot('a', 1, null, { current: true }), ...many], []);
    expect(drawing.rows).toBe(3);
    expect(drawing.nodes).toHaveLength(9);
  });

  test('no snapshot, no stroke', () => {
    const nothing = { nodes: [], strokes: [], reverts: [], rows: 1, here: null };
    expect(layOutSnapshots([], [])).toEqual(nothing);
  });

  test('a parent that libvirt no longer has, or a loop, does no harm', () => {
    const current = { current: true };
    expect(layOutSnapshots([snapshot('b', 2, 'gone', current)], []).nodes).toHaveLength(1);
    const loop = [snapshot('a', 1, 'b', current), snapshot('b', 2, 'a')];
    expect(layOutSnapshots(loop, []).nodes).toHaveLength(2);
  });
});
