import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fakeWorld, pseudoRandom, temporaryFolder } from '../../fakes/world.ts';

test('two worlds make the same names in the same order', () => {
  const made = () => {
    const { ids } = fakeWorld();
    return [ids.ulid(), ids.uuid(), ids.mac(), ids.bytes(40).toString('hex'), ids.ulid()];
  };
  expect(made()).toEqual(made());
});

test('names look like real ones, differ, and ULIDs sort by when they were made', async () => {
  const { ids, clock } = fakeWorld();
  const ulids = Array.from({ length: 100 }, () => ids.ulid());
  await clock.advance(1);
  ulids.push(ids.ulid());
  expect([...ulids].sort()).toEqual(ulids);
  expect(new Set(ulids).size).toBe(ulids.length);
  for (const ulid of ulids) expect(ulid).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
  expect(ids.uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(ids.mac()).toMatch(/^52:54:00(:[0-9a-f]{2}){3}$/);
});

test('bytes have the asked length and are not all the same', () => {
  expect(pseudoRandom('a', 100)).toHaveLength(100);
  expect(pseudoRandom('a', 100)).toEqual(pseudoRandom('a', 100));
  expect(pseudoRandom('a', 100)).not.toEqual(pseudoRandom('b', 100));
});

test('what is logged can be read, and an error gets an id', () => {
  const world = fakeWorld();
  const id = world.log.error('It broke', new Error('why'));
  world.log.info('fine', { n: 1 });
  expect(world.logged).toEqual([
    { level: 'error', message: 'It broke', thrown: new Error('why'), id },
    { level: 'info', message: 'fine', data: { n: 1 } },
  ]);
});

let earlier = '';
test('a temporary folder is there', () => {
  earlier = temporaryFolder();
  expect(existsSync(earlier)).toBe(true);
});
test('and gone after the test', () => {
  expect(existsSync(earlier)).toBe(false);
});
