/**
 * Changes a disk's tree, copying only the nodes on changed paths. Holds a bounded number of nodes
 * whatever the disk's size: the ones unused longest are stored and leave memory. Calls must not
 * overlap.
 */
import { fanOut, levelsFor, blocksPerChild, TreeNode } from './tree-node.ts';

/** Nodes in memory on each level: 2.2 KiB each, at most seven levels. */
export const maxNodesPerLevel = 1024;
const nodesEvictedAtOnce = 128;

export interface NodeStore {
  load(id: Buffer, level: number): Promise<TreeNode>;
  /** Stores it unless it is known, and returns its id. */
  store(node: TreeNode): Promise<Buffer>;
}

interface Held {
  readonly node: TreeNode;
  dirty: boolean;
}

export class TreeWriter {
  readonly #nodes: NodeStore;
  readonly #blocks: number;
  readonly #root: number; // level of the root
  readonly #held: Map<number, Held>[];
  #rootId: Buffer | null;
  #changedBlocks = 0;

  constructor(nodes: NodeStore, blocks: number, rootId: Buffer | null) {
    this.#nodes = nodes;
    this.#blocks = blocks;
    this.#rootId = rootId;
    const levels = levelsFor(blocks);
    this.#root = levels - 1;
    this.#held = Array.from({ length: levels }, () => new Map<number, Held>());
  }

  /** Blocks whose id differs from what it was; a whole cleared subtree counts with all it spans. */
  get changedBlocks(): number {
    return this.#changedBlocks;
  }

  #on(level: number): Map<number, Held> {
    const held = this.#held[level];
    if (held === undefined) throw new Error(`no level ${level}`);
    return held;
  }

  async #open(level: number, index: number): Promise<Held> {
    const held = this.#on(level).get(index);
    if (held !== undefined) return held;
    let id: Buffer | null;
    if (level === this.#root) {
      id = this.#rootId;
    } else {
      const parent = await this.#open(level + 1, Math.floor(index / fanOut));
      id = parent.node.get(index % fanOut);
    }
    const node = id === null ? new TreeNode(level) : await this.#nodes.load(id, level);
    const opened = { node, dirty: false };
    this.#on(level).set(index, opened);
    return opened;
  }

  /** Sets consecutive blocks; `ids` has one id each, null for zeros. Returns which changed. */
  async set(first: number, ids: readonly (Buffer | null)[]): Promise<boolean[]> {
    const changed: boolean[] = [];
    let leaf: Held | null = null;
    for (const [i, id] of ids.entries()) {
      const block = first + i;
      const child = block % fanOut;
      if (leaf === null || child === 0) leaf = await this.#leaf(Math.floor(block / fanOut));
      const differs = leaf.node.set(child, id);
      if (differs) {
        leaf.dirty = true;
        this.#changedBlocks += 1;
      }
      changed.push(differs);
    }
    return changed;
  }

  /** A leaf, now the one used last. */
  async #leaf(index: number): Promise<Held> {
    const leaves = this.#on(0);
    const leaf = await this.#open(0, index);
    leaves.delete(index);
    leaves.set(index, leaf);
    await this.#trim(index);
    return leaf;
  }

  async #trim(leafInUse: number): Promise<void> {
    for (let level = 0; level < this.#root; level += 1) {
      if (this.#on(level).size > maxNodesPerLevel) await this.#evictOldest(level, leafInUse);
    }
  }

  async #evictOldest(level: number, leafInUse: number): Promise<void> {
    const inUse = Math.floor(leafInUse / blocksPerChild(level)); // on this level, -1 for none
    const oldest = [...this.#on(level).keys()].slice(0, nodesEvictedAtOnce);
    for (const index of oldest) if (index !== inUse) await this.#settle(level, index);
  }

  /** Stores a node and all held below it, tells its parent, and lets go of it. */
  async #settle(level: number, index: number): Promise<void> {
    const held = this.#on(level).get(index);
    if (held === undefined) return;
    if (level > 0) {
      for (let child = 0; child < fanOut; child += 1) {
        await this.#settle(level - 1, index * fanOut + child);
      }
    }
    this.#on(level).delete(index);
    if (!held.dirty) return;
    const id = held.node.count === 0 ? null : await this.#nodes.store(held.node);
    if (level === this.#root) {
      this.#rootId = id;
      return;
    }
    const parent = await this.#open(level + 1, Math.floor(index / fanOut));
    if (parent.node.set(index % fanOut, id)) parent.dirty = true;
  }

  /** Makes blocks `first` to before `end` zero; whole subtrees go without being read. */
  async clear(first: number, end: number): Promise<void> {
    if (first >= end) return;
    await this.#clear(this.#root, 0, first, Math.min(end, this.#blocks));
    await this.#trim(-1);
  }

  async #clear(level: number, index: number, first: number, end: number): Promise<void> {
    const held = await this.#open(level, index);
    const span = blocksPerChild(level);
    const start = index * span * fanOut;
    const firstChild = Math.max(0, Math.floor((first - start) / span));
    const lastChild = Math.min(fanOut - 1, Math.floor((end - 1 - start) / span));
    for (let child = firstChild; child <= lastChild; child += 1) {
      const childNumber = index * fanOut + child;
      const below = level > 0 ? this.#on(level - 1).get(childNumber) : undefined;
      if (!held.node.has(child) && below === undefined) continue;
      const from = start + child * span;
      const to = Math.min(from + span, this.#blocks);
      if (first <= from && end >= to) {
        if (level > 0) this.#forget(level - 1, childNumber);
        // A node held here may only have been looked at: it counts when it was there or changed.
        const counts = held.node.has(child) || level > 1 || below?.dirty === true;
        if (counts) this.#changedBlocks += to - from;
        if (held.node.set(child, null)) held.dirty = true;
      } else {
        await this.#clear(level - 1, childNumber, Math.max(first, from), Math.min(end, to));
      }
    }
  }

  #forget(level: number, index: number): void {
    if (!this.#on(level).delete(index) || level === 0) return;
    for (let child = 0; child < fanOut; child += 1) this.#forget(level - 1, index * fanOut + child);
  }

  /** Stores what is left and returns the root's id; null when everything is zero. */
  async finish(): Promise<Buffer | null> {
    await this.#settle(this.#root, 0);
    return this.#rootId;
  }
}
