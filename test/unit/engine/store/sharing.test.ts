import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { merge, PointSets, type Stretches } from '#engine/store/point-sets.ts';
import { kib, noise } from '../../../fakes/store-fixture.ts';
import { dice, slowNeeds, writeHistory, writePoint } from '../../../fakes/store-history.ts';
import { block, setUp } from './repository-set-up.ts';

const store = setUp();

describe('sets of points', () => {
  const sets = fc
    .uniqueArray(fc.integer({ min: 0, max: 40 }), { maxLength: 20 })
    .map((list) => list.sort((a, b) => a - b));
  const stretchesOf = (numbers: readonly number[]) =>
    numbers.reduce<Stretches>((all, one) => merge(all, [one, one]), []);
  const numbersOf = (stretches: readonly number[]) => {
    const all: number[] = [];
    for (let i = 0; i < stretches.length; i += 2) {
      for (let n = stretches[i] ?? 0; n <= (stretches[i + 1] ?? 0); n += 1) all.push(n);
    }
    return all;
  };

  it('unite as sets do, and equal ones have one number', () => {
    fc.assert(
      fc.property(sets, sets, (a, b) => {
        const united = merge(stretchesOf(a), stretchesOf(b));
        expect(numbersOf(united)).toEqual([...new Set([...a, ...b])].sort((x, y) => x - y));
        const known = new PointSets();
        const one = known.numberOf(stretchesOf(a));
        const other = known.numberOf(stretchesOf(b));
        expect(known.get(known.union(one, other))).toEqual(united);
        expect(known.union(one, other)).toBe(known.union(other, one));
      }),
    );
  });
});

describe('what removing frees', () => {
  it.each([1, 2, 3, 4])(
    'is what the slow way says, for any order of removal (%i)',
    async (seed) => {
      const random = dice(seed);
      const { repository } = await store.create();
      const points = (await writeHistory(repository, random, 12)).map(({ name }) => name);
      const sharing = await repository.sharing();
      const { needs, bytesOf } = await slowNeeds(store.at, repository, points);
      const manifestBytes = await Promise.all(
        points.map(async ({ machineUuid, id }) => {
          return (await stat(join(store.at.path, 'points', machineUuid, id))).size;
        }),
      );
      for (let round = 0; round < 20; round += 1) {
        const left = new Set(points.keys());
        const order: number[] = [];
        for (let i = random.next(points.length) + 1; i > 0; i -= 1) {
          const which = [...left][random.next(left.size)] ?? 0;
          left.delete(which);
          order.push(which);
        }
        expect(sharing.freedBy(order.map((i) => points[i]!))).toEqual(
          slowly(order, points.length, needs).map(
            (ids, turn) =>
              ids.reduce((sum, id) => sum + bytesOf(id), 0) +
              (manifestBytes[order[turn] ?? 0] ?? 0),
          ),
        );
      }
      const all = new Set(needs.flatMap((ids) => [...ids]));
      const blocks = [...all].reduce((sum, id) => sum + bytesOf(id), 0);
      expect(sharing.neededBytes).toBe(blocks + manifestBytes.reduce((a, b) => a + b, 0));
    },
  );

  it('is nothing for unknown and repeated points', async () => {
    const { repository } = await store.create();
    const [first] = await writeHistory(repository, dice(9), 2);
    const sharing = await repository.sharing();
    const name = first!.name;
    const none = { ...name, id: 'none' };
    const [once, again, unknown] = sharing.freedBy([name, name, none]);
    expect(once).toBeGreaterThan(0);
    expect([again, unknown]).toEqual([0, 0]);
  });

  it('is found again only when the points changed', async () => {
    const { repository } = await store.create();
    const name = { id: 'one', machineUuid: '6f9d3f7c-0000-4000-8000-00000000000a' };
    await writePoint(repository, name, noise('1', 3 * block), 1);
    const before = await repository.sharing();
    expect(await repository.sharing()).toBe(before);
    await writePoint(repository, { ...name, id: 'two' }, noise('2', 3 * block), 2);
    expect(await repository.sharing()).not.toBe(before);
  });

  it('can be cancelled, and never holds the event loop for 100 ms', async () => {
    const { repository } = await store.create({ blockSizeBytes: 4 * kib });
    const name = { id: 'one', machineUuid: '6f9d3f7c-0000-4000-8000-00000000000a' };
    await writePoint(repository, name, noise('many', 3000 * block), 1);
    const abort = new AbortController();
    abort.abort();
    await expect(repository.sharing(abort.signal)).rejects.toMatchObject({ code: 'cancelled' });
    let longestMs = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - last);
      last = performance.now();
    }, 1);
    await repository.sharing();
    clearInterval(timer);
    expect(longestMs).toBeLessThan(100);
  });
});

/** Ids that are free after each removal and were not before. */
function slowly(
  order: readonly number[],
  count: number,
  needs: readonly Set<string>[],
): readonly (readonly string[])[] {
  const left = new Set(Array.from({ length: count }, (_, i) => i));
  return order.map((gone) => {
    left.delete(gone);
    const needed = new Set([...left].flatMap((i) => [...(needs[i] ?? [])]));
    return [...(needs[gone] ?? [])].filter((id) => !needed.has(id));
  });
}
