/** Compares two points' trees: equal subtrees are skipped without being read. */
import type { BlockReader } from './block-reader.ts';
import type { ByteRange, TreeRoot } from './repository.ts';
import { blocksPerChild, fanOut, levelsFor, type TreeNode } from './tree-node.ts';

interface Pair {
  readonly a: Buffer | null;
  readonly b: Buffer | null;
  /** -1 is a block. */
  readonly level: number;
  readonly at: number;
}

/** Block-aligned ranges that differ, ascending and merged. Both disks have the same size. */
export async function* changedRangesOf(
  reader: BlockReader,
  blockSizeBytes: number,
  a: TreeRoot,
  b: TreeRoot,
): AsyncIterable<ByteRange> {
  const sizeBytes = a.sizeBytes;
  const blocks = Math.ceil(sizeBytes / blockSizeBytes);
  if (blocks === 0) return;
  const todo: Pair[] = [{ a: idOf(a), b: idOf(b), level: levelsFor(blocks) - 1, at: 0 }];
  let open: { offset: number; length: number } | null = null;
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    if (same(next.a, next.b)) continue;
    if (next.level < 0) {
      const offset = next.at * blockSizeBytes;
      const length = Math.min(blockSizeBytes, sizeBytes - offset);
      if (open !== null && open.offset + open.length === offset) {
        open.length += length;
      } else {
        if (open !== null) yield open;
        open = { offset, length };
      }
      continue;
    }
    const [left, right] = await Promise.all([
      load(reader, next.a, next),
      load(reader, next.b, next),
    ]);
    const span = blocksPerChild(next.level);
    for (let child = fanOut - 1; child >= 0; child -= 1) {
      const pair = { a: left?.get(child) ?? null, b: right?.get(child) ?? null };
      if (!same(pair.a, pair.b)) {
        todo.push({ ...pair, level: next.level - 1, at: next.at + child * span });
      }
    }
  }
  if (open !== null) yield open;
}

function idOf({ id }: TreeRoot): Buffer | null {
  return id === '' ? null : Buffer.from(id, 'hex');
}

function same(a: Buffer | null, b: Buffer | null): boolean {
  if (a === null || b === null) return a === b;
  return a.equals(b);
}

async function load(
  reader: BlockReader,
  id: Buffer | null,
  { level }: Pair,
): Promise<TreeNode | null> {
  return id === null ? null : reader.readNode(id, level);
}
