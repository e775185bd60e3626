/**
 * What removing restore points would free, exactly: how many stored bytes each set of points needs
 * together and nobody else. Found once from the trees; after that every rule is a sum, so numbers
 * can be tried while they are typed.
 *
 * A block counts with its payload and its line in the pack's trailer, wherever it is stored; a
 * point also with its manifest. A clean-up gives this back to the disk except for what is left
 * unused in packs that are still mostly needed (clean-up.ts).
 */
import type { BlockIndex } from './index.ts';
import { keyOf } from './kept.ts';
import { entryBytes } from './pack.ts';
import { PlaceTable } from './place-table.ts';
import { PointSets, type Stretches } from './point-sets.ts';
import type { PointName } from './repository.ts';
import {
  inOrder,
  walkPoints,
  type NeededBlock,
  type RootsOfPoint,
  type WalkParts,
} from './walk-points.ts';

export interface Sharing {
  /**
   * What removing the points in this order frees: for each, what is free after it that was not
   * before. A point that is not known or named twice frees nothing.
   */
  freedBy(order: readonly PointName[]): readonly number[];
  /** Bytes any point needs. */
  readonly neededBytes: number;
}

export interface SharingParts extends Omit<WalkParts, 'sets' | 'take'> {
  readonly index: BlockIndex;
  /** Bytes of a point's manifest in the repository. */
  readonly manifestBytes: (point: PointName) => number;
}

interface Weight {
  readonly stretches: Stretches;
  readonly bytes: number;
}

export async function findSharing(
  points: readonly RootsOfPoint[],
  parts: SharingParts,
): Promise<Sharing> {
  const ordered = inOrder(points);
  const sets = new PointSets();
  const table = new PlaceTable();
  try {
    const take = (blocks: readonly NeededBlock[]) => {
      addAll(table, sets, parts.index, blocks);
    };
    await walkPoints(ordered, { ...parts, sets, take });
    const weights: Weight[] = [];
    for (const { set, bytes } of table.sums()) {
      weights.push({ stretches: sets.get(set), bytes });
    }
    for (const [number, { point }] of ordered.entries()) {
      weights.push({ stretches: [number, number], bytes: parts.manifestBytes(point) });
    }
    return sharingOf(
      ordered.map(({ point }) => point),
      weights,
    );
  } finally {
    table.close();
  }
}

function addAll(
  table: PlaceTable,
  sets: PointSets,
  index: BlockIndex,
  blocks: readonly NeededBlock[],
): void {
  const places = index.placesOfAll(blocks.map(({ id }) => id));
  table.together(() => {
    for (const [i, { set }] of blocks.entries()) {
      const stored = places[i] ?? [];
      const first = stored[0];
      if (first === undefined) continue; // missing: there is nothing to free
      const before = table.find(first);
      if (before === undefined) {
        const bytes = stored.reduce((sum, { length }) => sum + length + entryBytes, 0);
        table.put(first, set, bytes);
        continue;
      }
      const union = sets.union(before.set, set);
      if (union !== before.set) table.put(first, union, before.bytes);
    }
  });
}

function sharingOf(points: readonly PointName[], weights: readonly Weight[]): Sharing {
  const numbers = new Map(points.map((point, number) => [keyOf(point), number]));
  return {
    neededBytes: weights.reduce((sum, { bytes }) => sum + bytes, 0),
    freedBy: (order) => {
      const never = order.length;
      const turns = new Uint32Array(points.length).fill(never);
      for (const [turn, point] of order.entries()) {
        const number = numbers.get(keyOf(point));
        if (number !== undefined && turns[number] === never) turns[number] = turn;
      }
      const latest = latestOf(turns);
      const freed = new Array<number>(order.length).fill(0);
      for (const { stretches, bytes } of weights) {
        // Freed when the last point that needs it goes; never, while one stays.
        let turn = 0;
        for (let i = 0; i < stretches.length && turn < never; i += 2) {
          turn = Math.max(turn, latest(stretches[i] ?? 0, stretches[i + 1] ?? 0));
        }
        if (turn < never) freed[turn] = (freed[turn] ?? 0) + bytes;
      }
      return freed;
    },
  };
}

/** The greatest of a stretch in one step, however long it is: maxima of all powers of two. */
function latestOf(turns: Uint32Array): (first: number, last: number) => number {
  const rows = [turns];
  for (let span = 2; span <= turns.length; span *= 2) {
    const below = rows.at(-1) ?? turns;
    const row = new Uint32Array(turns.length - span + 1);
    for (let i = 0; i < row.length; i += 1) {
      row[i] = Math.max(below[i] ?? 0, below[i + span / 2] ?? 0);
    }
    rows.push(row);
  }
  return (first, last) => {
    const power = 31 - Math.clz32(last - first + 1);
    const row = rows[power] ?? turns;
    return Math.max(row[first] ?? 0, row[last - 2 ** power + 1] ?? 0);
  };
}
