import { describe, expect, test } from 'vitest';
import type { SnapshotRow } from '../../../../../src-renderer/views/machine/tree-rows.ts';
import { linesOf } from '../../../../../src-renderer/views/machine/snapshot-tree.ts';
import { treeRows } from '../../../../../src-renderer/views/machine/tree-rows.ts';
import {
  rowStartingWith,
  treeStep,
  type TreeStep,
} from '../../../../../src-renderer/views/machine/tree-walk.ts';
import { nextcloud, snapshot } from './snapshots.ts';

function rowsOf(folded: readonly string[], of = nextcloud): readonly SnapshotRow[] {
  return treeRows(linesOf(of), new Set(folded)).filter((row) => row.kind === 'snapshot');
}

const open = rowsOf([]);
const at = (rows: readonly SnapshotRow[], name: string): number =>
  rows.findIndex((row) => row.snapshot.name === name);

/** Where a key leads from a row by name, or what it does. */
function press(key: string, from: string, rows = open): string | null {
  const step: TreeStep | null = treeStep({ key, shiftKey: false }, rows, at(rows, from), 3);
  if (step === null) return null;
  if (step.kind === 'go') return step.to.snapshot.name;
  return 'names' in step ? `${step.kind} ${step.names.join(' ')}` : step.kind;
}

describe('keys in the tree', () => {
  test('Up and Down pass every row that is not folded away, and end at the ends', () => {
    expect(press('ArrowDown', 'before-upgrade')).toBe('upgrade-31');
    expect(press('ArrowDown', 'before-upgrade', rowsOf(['before-upgrade']))).toBe('php-8.4');
    expect(press('ArrowUp', 'php-8.4')).toBe('repaired-db');
    expect(press('ArrowUp', 'fresh-install')).toBe('stay');
    expect(press('ArrowDown', 'before-31-again')).toBe('stay');
  });

  test('Right opens, then goes to the first on the branch; without branches it stays', () => {
    const folded = rowsOf(['before-upgrade']);
    expect(press('ArrowRight', 'before-upgrade', folded)).toBe('unfold before-upgrade');
    expect(press('ArrowRight', 'before-upgrade')).toBe('upgrade-31');
    expect(press('ArrowRight', 'fresh-install')).toBe('stay');
  });

  test('Left folds, else goes to where the branch left', () => {
    expect(press('ArrowLeft', 'before-upgrade')).toBe('fold before-upgrade');
    expect(press('ArrowLeft', 'repaired-db')).toBe('before-upgrade');
    expect(press('ArrowLeft', 'before-upgrade', rowsOf(['before-upgrade']))).toBe('stay');
  });

  test('Home, End and the Page keys', () => {
    expect(press('Home', 'php-8.4')).toBe('fresh-install');
    expect(press('End', 'fresh-install')).toBe('before-31-again');
    expect(press('PageDown', 'fresh-install')).toBe('repaired-db');
    expect(press('PageUp', 'before-upgrade')).toBe('fresh-install');
  });

  test('the asterisk opens what is folded beside it, and only that', () => {
    const all = [...nextcloud, snapshot('left-later', 55, 'php-8.4')];
    const folded = rowsOf(['before-upgrade', 'php-8.4'], all);
    expect(press('*', 'fresh-install', folded)).toBe('unfold before-upgrade php-8.4');
    const half = rowsOf(['php-8.4'], all);
    expect(press('*', 'upgrade-31', half)).toBe('stay');
  });

  test('Enter, Delete and the menu keys; other keys are left to the page', () => {
    expect(press('Enter', 'php-8.4')).toBe('enter');
    expect(press('Delete', 'php-8.4')).toBe('delete');
    expect(press('ContextMenu', 'php-8.4')).toBe('menu');
    expect(treeStep({ key: 'F10', shiftKey: true }, open, 0, 3)?.kind).toBe('menu');
    expect(press('F10', 'php-8.4')).toBeNull();
    expect(press('Tab', 'php-8.4')).toBeNull();
  });
});

describe('letters in the tree', () => {
  const find = (typed: string, from: string): string | undefined =>
    rowStartingWith(typed, open, at(open, from))?.snapshot.name;

  test('one letter goes on to the next name, around the end', () => {
    expect(find('b', 'fresh-install')).toBe('before-upgrade');
    expect(find('b', 'before-upgrade')).toBe('before-31-again');
    expect(find('b', 'before-31-again')).toBe('before-upgrade');
    expect(find('bb', 'before-upgrade')).toBe('before-31-again');
  });

  test('more letters may stay, whatever their case', () => {
    expect(find('before-u', 'before-upgrade')).toBe('before-upgrade');
    expect(find('BEFORE-3', 'before-upgrade')).toBe('before-31-again');
    expect(find('p', 'php-8.4')).toBe('php-8.4');
    expect(find('x', 'php-8.4')).toBeUndefined();
  });
});
