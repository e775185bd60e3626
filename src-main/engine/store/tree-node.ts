/**
 * Nodes of the tree over a disk's blocks (FORMAT.md, "Tree"): 64 children each, absent ones mean
 * zeros. A change copies only the nodes from its leaf to the root.
 */
import { idBytes } from './crypto.ts';

export const fanOutBits = 6;
export const fanOut = 2 ** fanOutBits;
/** 64^7 = 2^42 blocks, beyond the 2^40 a repository may hold. */
export const maxLevels = 7;
export const maxTreeBlocks = 2 ** 40;
const nodeVersion = 1;
const bitmapAt = 2;
const bitmapBytes = fanOut / 8;
export const nodeHeaderBytes = bitmapAt + bitmapBytes;
export const maxNodeBytes = nodeHeaderBytes + fanOut * idBytes;

/** Levels above the blocks: a leaf is level 0, the root is level `levels - 1`. */
export function levelsFor(blocks: number): number {
  let levels = 1;
  for (let reach = fanOut; reach < blocks; reach *= fanOut) levels += 1;
  return levels;
}

/** Blocks below one child of a node at `level`. Exact for every disk allowed. */
export function blocksPerChild(level: number): number {
  return fanOut ** level;
}

/** A node in memory: every child has its place; `present` says which are there. */
export class TreeNode {
  readonly level: number;
  readonly present: Uint8Array;
  readonly ids: Buffer;
  count = 0;

  constructor(level: number) {
    this.level = level;
    this.present = new Uint8Array(fanOut);
    this.ids = Buffer.allocUnsafe(fanOut * idBytes);
  }

  has(child: number): boolean {
    return this.present[child] === 1;
  }

  get(child: number): Buffer | null {
    if (!this.has(child)) return null;
    return this.ids.subarray(child * idBytes, (child + 1) * idBytes);
  }

  /** Null makes it absent. Returns whether anything changed. */
  set(child: number, id: Uint8Array | null): boolean {
    const at = child * idBytes;
    if (id === null) {
      if (!this.has(child)) return false;
      this.present[child] = 0;
      this.count -= 1;
      return true;
    }
    if (this.has(child)) {
      if (this.ids.compare(id, 0, idBytes, at, at + idBytes) === 0) return false;
    } else {
      this.present[child] = 1;
      this.count += 1;
    }
    this.ids.set(id, at);
    return true;
  }

  encode(): Buffer {
    const out = Buffer.alloc(nodeHeaderBytes + this.count * idBytes);
    out[0] = nodeVersion;
    out[1] = this.level;
    let at = nodeHeaderBytes;
    for (let child = 0; child < fanOut; child += 1) {
      if (!this.has(child)) continue;
      out[bitmapAt + (child >> 3)] = (out[bitmapAt + (child >> 3)] ?? 0) | (1 << (child & 7));
      this.ids.copy(out, at, child * idBytes, (child + 1) * idBytes);
      at += idBytes;
    }
    return out;
  }
}

/** The node in the bytes, or why it is none. */
export function decodeNode(bytes: Uint8Array, level: number): TreeNode | { why: string } {
  if (bytes.length < nodeHeaderBytes) return { why: 'a tree node is too short' };
  if (bytes[0] !== nodeVersion) return { why: 'a tree node has an unknown version' };
  if (bytes[1] !== level) return { why: 'a tree node is on the wrong level' };
  const node = new TreeNode(level);
  let at = nodeHeaderBytes;
  for (let child = 0; child < fanOut; child += 1) {
    if ((((bytes[bitmapAt + (child >> 3)] ?? 0) >> (child & 7)) & 1) === 0) continue;
    if (at + idBytes > bytes.length) return { why: 'a tree node ends early' };
    node.set(child, bytes.subarray(at, at + idBytes));
    at += idBytes;
  }
  if (at !== bytes.length || node.count === 0) return { why: 'a tree node has another length' };
  return node;
}
