import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Snapshot } from '#contract/moments.ts';
import {
  linesOf,
  type SnapshotLine,
} from '../../../../../src-renderer/views/machine/snapshot-tree.ts';
import { nextcloud, snapshot } from './snapshots.ts';

type Shape = readonly (string | readonly [string, ...Shape[]])[];

/** A line as names; a snapshot with branches as a list of itself and them. */
function shapeOf(line: SnapshotLine): Shape {
  return line.members.map(({ snapshot: { name }, branches }) =>
    branches.length === 0 ? name : [name, ...branches.map(shapeOf)],
  );
}

function names(lines: readonly SnapshotLine[]): string[] {
  return lines.flatMap(({ members }) =>
    members.flatMap(({ snapshot: { name }, branches }) => [name, ...names(branches)]),
  );
}

describe('linesOf', () => {
  test('what led here is one line; what was left hangs where it left', () => {
    const lines = linesOf(nextcloud);
    expect(lines.map(shapeOf)).toEqual([
      [
        'fresh-install',
        ['before-upgrade', ['upgrade-31', 'repaired-db']],
        'php-8.4',
        'before-31-again',
      ],
    ]);
    expect(lines[0]?.here).toBe(true);
  });

  test('after going back to a snapshot, all that came after it are branches', () => {
    const back = nextcloud.map((one) => ({ ...one, current: one.name === 'before-upgrade' }));
    expect(linesOf(back).map(shapeOf)).toEqual([
      [
        'fresh-install',
        ['before-upgrade', ['upgrade-31', 'repaired-db'], ['php-8.4', 'before-31-again']],
      ],
    ]);
  });

  test('off your line, the child with the newest descendant goes on', () => {
    const lines = linesOf([
      snapshot('root', 1, null),
      snapshot('old', 2, 'root'),
      snapshot('young', 3, 'root'),
      snapshot('old-but-alive', 9, 'old'),
    ]);
    expect(lines.map(shapeOf)).toEqual([[['root', ['young']], 'old', 'old-but-alive']]);
    expect(lines[0]?.here).toBe(false);
  });

  test('lines that grow from nothing stand side by side, by creation', () => {
    const lines = linesOf([
      snapshot('b', 5, null, { current: true }),
      snapshot('a', 1, 'gone'),
      snapshot('a2', 7, 'a'),
    ]);
    expect(lines.map(shapeOf)).toEqual([['a', 'a2'], ['b']]);
    expect(lines.map((line) => line.here)).toEqual([false, true]);
  });

  test('whatever the parents, each snapshot has one place and at most one line ends here', () => {
    const count = 12;
    const anyParents = fc.array(fc.option(fc.nat(count - 1)), { minLength: 1, maxLength: count });
    fc.assert(
      fc.property(anyParents, fc.nat(count), (parents, currentAt) => {
        const all = parents.map((parent, at): Snapshot => {
          const current = at === currentAt;
          return snapshot(`s${at}`, at % 5, parent === null ? null : `s${parent}`, { current });
        });
        const lines = linesOf(all);
        expect(names(lines).sort()).toEqual(all.map(({ name }) => name).sort());
        const ends = (of: readonly SnapshotLine[]): number =>
          of.reduce(
            (sum, { here, members }) =>
              sum +
              (here ? 1 : 0) +
              members.reduce((below, { branches }) => below + ends(branches), 0),
            0,
          );
        expect(ends(lines)).toBe(all.some(({ current }) => current) ? 1 : 0);
      }),
    );
  });

  test('a line of ten thousand is no deeper than a line of two', () => {
    const long = Array.from({ length: 10_000 }, (_, at) =>
      snapshot(`s${at}`, at, at === 0 ? null : `s${at - 1}`),
    );
    expect(linesOf(long)[0]?.members).toHaveLength(10_000);
  });
});
