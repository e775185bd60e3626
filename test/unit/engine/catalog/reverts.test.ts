import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import type { JobId } from '#contract/domain.ts';
import type { Revert } from '#contract/moments.ts';
import { openDatabase, type OpenDb } from '#engine/catalog/database.ts';
import { migrate } from '#engine/catalog/migrate.ts';
import { revertQueries } from '#engine/catalog/reverts.ts';
import { temporaryFolder } from '../../../fakes/world.ts';

let db: OpenDb;
const revert = (job: string, time: number, change: Partial<Revert> = {}): Revert => ({
  job: job as JobId,
  time,
  to: 'before-upgrade',
  kept: `kept-${job}`,
  lostSince: null,
  ...change,
});

beforeEach(() => {
  db = openDatabase(join(temporaryFolder(), 'catalog.db'));
  migrate(db);
});

test('the newest comes first, of this machine only', () => {
  const reverts = revertQueries(db);
  reverts.note('m', revert('a', 1));
  reverts.note('m', revert('b', 2, { kept: null, lostSince: 1 }));
  reverts.note('other', revert('c', 3));
  expect(reverts.ofMachine('m')).toEqual([
    revert('b', 2, { kept: null, lostSince: 1 }),
    revert('a', 1),
  ]);
});

test('noting the same job again changes nothing', () => {
  const reverts = revertQueries(db);
  reverts.note('m', revert('a', 1));
  reverts.note('m', revert('a', 9));
  expect(reverts.ofMachine('m')).toEqual([revert('a', 1)]);
});

test('one whose undo point is gone is forgotten', () => {
  const reverts = revertQueries(db);
  reverts.note('m', revert('a', 1));
  reverts.note('m', revert('b', 2));
  reverts.forget('m', 'kept-a');
  expect(reverts.ofMachine('m').map(({ job }) => job)).toEqual(['b']);
});

test('the note of one that kept nothing and was taken back goes, and earlier ones stay', () => {
  const reverts = revertQueries(db);
  const nothing = { kept: null };
  reverts.note('m', revert('a', 1));
  reverts.note('m', revert('b', 2, nothing));
  reverts.note('m', revert('c', 3, nothing));
  reverts.note('m', revert('d', 4, { ...nothing, to: 'another' }));
  reverts.unnote('m', 'before-upgrade', 3);
  expect(reverts.ofMachine('m').map(({ job }) => job)).toEqual(['d', 'b', 'a']);
});

test('only so many of a machine are kept', () => {
  const reverts = revertQueries(db, 2);
  for (const time of [1, 2, 3]) reverts.note('m', revert(`j${time}`, time));
  expect(reverts.ofMachine('m').map(({ time }) => time)).toEqual([3, 2]);
});
