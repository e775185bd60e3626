import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import type { News } from '#contract/news.ts';
import { openDatabase, type OpenDb } from '#engine/catalog/database.ts';
import { migrate } from '#engine/catalog/migrate.ts';
import { newsQueries } from '#engine/catalog/news.ts';
import { temporaryFolder } from '../../../fakes/world.ts';

let db: OpenDb;
const news = (id: string, time: number): News => ({
  id,
  kind: 'failed',
  title: `${id} was not backed up`,
  body: 'Plan Nightly: the folder is full.',
  time,
  plan: null,
  machine: null,
});

beforeEach(() => {
  db = openDatabase(join(temporaryFolder(), 'catalog.db'));
  migrate(db);
});

test('news is kept with what is to be sent of it, until it is sent', () => {
  const rows = newsQueries(db);
  rows.insert(news('a', 1), ['mail', 'webhook']);
  rows.insert(news('b', 2), []);
  expect(rows.since(2).map(({ id }) => id)).toEqual(['b']);
  expect(rows.since(0)).toEqual([news('b', 2), news('a', 1)]);
  rows.tryLater('a', 'mail', 500);
  expect(rows.deliveries()).toEqual([
    { news: news('a', 1), channel: 'mail', attempts: 1, nextAt: 500 },
    { news: news('a', 1), channel: 'webhook', attempts: 0, nextAt: 1 },
  ]);
  rows.close('a', 'mail');
  rows.close('a', 'webhook');
  expect(rows.deliveries()).toEqual([]);
  expect(rows.since(0)).toHaveLength(2);
});

test('only so much is kept, and nothing is sent of what is not', () => {
  const rows = newsQueries(db, 2);
  for (const time of [1, 2, 3]) rows.insert(news(`n${time}`, time), ['mail']);
  expect(rows.since(0).map(({ time }) => time)).toEqual([3, 2]);
  expect(rows.deliveries().map((one) => one.news.id)).toEqual(['n2', 'n3']);
});
