/** Walks a tree in the order of the disk, reading one node at a time. */
import { blocksPerChild, fanOut, levelsFor, type TreeNode } from './tree-node.ts';

export interface Leaf {
  /** Number of the first block below it. */
  readonly firstBlock: number;
  readonly node: TreeNode;
}

export type LoadNode = (id: Buffer, level: number) => Promise<TreeNode>;

export interface WalkOptions {
  /** Only what touches blocks from `first` to before `end`. */
  readonly first?: number;
  readonly end?: number;
  /** False skips the subtree: it was seen already. */
  readonly enter?: (id: Buffer, level: number) => boolean;
  /** Called instead of throwing when a node cannot be read; the subtree is skipped. */
  readonly onUnreadable?: (thrown: unknown, firstBlock: number, blocks: number, id: Buffer) => void;
}

/** Every leaf that is not all zeros, ascending. */
export async function* leaves(
  load: LoadNode,
  rootId: Buffer | null,
  blocks: number,
  options: WalkOptions = {},
): AsyncIterable<Leaf> {
  if (rootId === null || blocks === 0) return;
  const { first = 0, end = blocks, enter, onUnreadable } = options;
  const todo: { id: Buffer; level: number; at: number }[] = [];
  todo.push({ id: rootId, level: levelsFor(blocks) - 1, at: 0 });
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const { id, level, at } = next;
    if (enter?.(id, level) === false) continue;
    let node: TreeNode;
    try {
      node = await load(id, level);
    } catch (thrown) {
      if (onUnreadable === undefined) throw thrown;
      const span = blocksPerChild(level) * fanOut;
      onUnreadable(thrown, at, Math.min(span, blocks - at), id);
      continue;
    }
    if (level === 0) {
      yield { firstBlock: at, node };
      continue;
    }
    const span = blocksPerChild(level);
    for (let child = fanOut - 1; child >= 0; child -= 1) {
      const start = at + child * span;
      if (start >= end || start + span <= first) continue;
      const childId = node.get(child);
      if (childId !== null) todo.push({ id: childId, level: level - 1, at: start });
    }
  }
}
