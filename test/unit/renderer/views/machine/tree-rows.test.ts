import { describe, expect, test } from 'vitest';
import { linesOf } from '../../../../../src-renderer/views/machine/snapshot-tree.ts';
import { treeRows, type TreeRow } from '../../../../../src-renderer/views/machine/tree-rows.ts';
import { nextcloud, snapshot } from './snapshots.ts';

const rowsOf = (folded: readonly string[] = [], of = nextcloud): readonly TreeRow[] =>
  treeRows(linesOf(of), new Set(folded));
const nameOf = (row: TreeRow): string => (row.kind === 'here' ? 'here' : row.snapshot.name);

/** The rails of a row as text: passing lines, how it is reached, whether it goes on. */
function railOf({ rail, level }: TreeRow): string {
  const passing = rail.through.map(String).join('');
  const reached = { above: '│', branch: '╰', nothing: ' ' }[rail.from];
  return `${passing}${reached}${level}${rail.below ? '│' : ' '}`;
}

describe('treeRows', () => {
  test('branches come under the snapshot they left, before what goes on from it', () => {
    expect(rowsOf().map((row) => [nameOf(row), row.level])).toEqual([
      ['fresh-install', 1],
      ['before-upgrade', 1],
      ['upgrade-31', 2],
      ['repaired-db', 2],
      ['php-8.4', 1],
      ['before-31-again', 1],
      ['here', 1],
    ]);
  });

  test('siblings are the members of all branches of one snapshot, as WAI-ARIA counts', () => {
    const rows = rowsOf([], [...nextcloud, snapshot('other-try', 70, 'before-upgrade')]);
    const places = rows.flatMap((row) =>
      row.kind === 'here' ? [] : [[row.snapshot.name, row.owner, row.position, row.siblings]],
    );
    expect(places).toEqual([
      ['fresh-install', null, 1, 4],
      ['before-upgrade', null, 2, 4],
      ['upgrade-31', 'before-upgrade', 1, 3],
      ['repaired-db', 'before-upgrade', 2, 3],
      ['other-try', 'before-upgrade', 3, 3],
      ['php-8.4', null, 3, 4],
      ['before-31-again', null, 4, 4],
    ]);
  });

  test('a folded branch has no rows, and its snapshot says how many it hides', () => {
    const rows = rowsOf(['before-upgrade']);
    expect(rows.map(nameOf)).toEqual([
      'fresh-install',
      'before-upgrade',
      'php-8.4',
      'before-31-again',
      'here',
    ]);
    expect(rows[1]).toMatchObject({ expanded: false, branching: 2 });
    expect(rows[0]).toMatchObject({ expanded: null, branching: 0 });
  });

  test('rails join each row to the one it grew from, and pass by branches', () => {
    expect(rowsOf().map(railOf)).toEqual([
      ' 1│', // fresh-install
      '│1│', // before-upgrade
      '1╰2│', // upgrade-31
      '1│2 ', // repaired-db
      '│1│', // php-8.4
      '│1│', // before-31-again
      '│1 ', // here
    ]);
  });

  test('a branch at the end of a line leaves no rail behind', () => {
    const rows = rowsOf(
      [],
      [snapshot('a', 1, null), snapshot('left', 2, 'a'), snapshot('b', 3, 'a')].map((one) => ({
        ...one,
        time: one.name === 'b' ? 9 : one.time,
      })),
    );
    expect(rows.map((row) => `${railOf(row)} ${nameOf(row)}`)).toEqual([
      ' 1│ a',
      '1╰2  left',
      '│1  b',
    ]);
  });

  test('what is not on your line is left, also a line that grew from nothing', () => {
    const rows = rowsOf([], [...nextcloud, snapshot('elsewhere', 5, null)]);
    const left = rows.filter((row) => row.left).map(nameOf);
    expect(left).toEqual(['elsewhere', 'upgrade-31', 'repaired-db']);
    const nowhere = nextcloud.map((one) => ({ ...one, current: false }));
    expect(
      rowsOf([], nowhere)
        .filter((row) => row.left)
        .map(nameOf),
    ).toEqual(['upgrade-31', 'repaired-db']);
  });
});
