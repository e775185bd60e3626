/**
 * Walks the trees of all points together, position by position: what the same position of a disk
 * was in each point of its machine. Where it did not change between points it is read once, so the
 * cost follows what is stored, not the number of points.
 */
import type { BlockReader } from './block-reader.ts';
import { blockKind, type BlockKind } from './crypto.ts';
import { breathe } from './index-sync.ts';
import type { PointManifest } from './manifest.ts';
import type { PointSets } from './point-sets.ts';
import type { PointName, TreeRoot } from './repository.ts';
import { fanOut, levelsFor, type TreeNode } from './tree-node.ts';
import { throwIfAborted } from './verify-progress.ts';

/** Nodes read at the same time, unless one position alone has more. */
const maxNodesAtOnce = 256;
const maxPositionsAtOnce = 16;
/** Blocks handed over before other work gets its turn. */
const maxHandedOver = 400;

/** One point and the roots of its disks and blobs, by part. */
export interface RootsOfPoint {
  readonly point: PointName;
  /** UTC epoch milliseconds. */
  readonly time: number;
  readonly roots: ReadonlyMap<string, TreeRoot>;
}

/** A block or node, and the number of the set of points that need it. */
export interface NeededBlock {
  readonly id: Buffer;
  readonly kind: BlockKind;
  readonly set: number;
}

export interface WalkParts {
  readonly reader: BlockReader;
  readonly sets: Pick<PointSets, 'numberOf'>;
  readonly blockSizeBytes: number;
  /** Takes up to `maxHandedOver` blocks; the same block may come again with another set. */
  readonly take: (blocks: readonly NeededBlock[]) => void;
  readonly signal?: AbortSignal | undefined;
  /** Called after each step with the nodes read so far. */
  readonly onProgress?: ((nodes: number) => void) | undefined;
}

/** The same id in neighbouring points of a chain. */
interface Run {
  readonly id: Buffer;
  /** Level of the node the id names; -1 is a block. */
  readonly level: number;
  /** Positions in the chain. */
  readonly first: number;
  last: number;
}

interface Position {
  readonly level: number;
  readonly runs: readonly Run[];
}

export function rootsOf(point: PointName, manifest: PointManifest): RootsOfPoint {
  const { definition, firmware, tpm, disks, time } = manifest;
  const roots = new Map(disks.map(({ target, root }) => [`disk ${target}`, root]));
  if (definition !== null) roots.set('definition', definition);
  if (firmware.kind === 'included') roots.set('firmware', firmware.root);
  if (tpm.kind === 'included') roots.set('tpm', tpm.root);
  return { point, time, roots };
}

/** Points of a machine one after another in the order of time: their place here is their number. */
export function inOrder(points: readonly RootsOfPoint[]): readonly RootsOfPoint[] {
  const keyOf = ({ point }: RootsOfPoint) => point.machineUuid;
  return [...points].sort((a, b) => {
    if (keyOf(a) !== keyOf(b)) return keyOf(a) < keyOf(b) ? -1 : 1;
    return a.time - b.time || (a.point.id < b.point.id ? -1 : 1);
  });
}

/** Hands over every block any of the points needs. Throws block-damaged for an unreadable node. */
export async function walkPoints(points: readonly RootsOfPoint[], parts: WalkParts): Promise<void> {
  let nodes = 0;
  for (const chain of chainsOf(points)) {
    for await (const read of walkChain(chain, parts)) {
      nodes += read;
      throwIfAborted(parts.signal);
      parts.onProgress?.(nodes);
    }
  }
}

interface Chain {
  /** Numbers of the points, ascending, and what the part's root is in each. */
  readonly members: readonly { readonly number: number; readonly root: TreeRoot }[];
}

function chainsOf(points: readonly RootsOfPoint[]): Iterable<Chain> {
  const chains = new Map<string, { number: number; root: TreeRoot }[]>();
  for (const [number, { point, roots }] of points.entries()) {
    for (const [part, root] of roots) {
      const key = `${point.machineUuid}/${part}`;
      const members = chains.get(key) ?? [];
      chains.set(key, members);
      members.push({ number, root });
    }
  }
  return [...chains.values()].map((members) => ({ members }));
}

/** Yields how many nodes each step read. */
async function* walkChain(chain: Chain, parts: WalkParts): AsyncIterable<number> {
  const setOf = setsOfChain(chain, parts.sets);
  const todo = [topOf(chain, parts.blockSizeBytes)];
  while (todo.length > 0) {
    const batch = nextPositions(todo);
    const read = await Promise.all(batch.map((position) => loadNodes(position, parts.reader)));
    let nodes = 0;
    const found: NeededBlock[] = [];
    for (const [i, position] of batch.entries()) {
      for (const child of childrenOf(position, read[i] ?? [])) {
        if (child.level < 0) found.push(...child.runs.map((run) => needed(run, setOf)));
        else todo.push(child);
      }
      const own = position.runs.filter(({ level }) => level === position.level);
      found.push(...own.map((run) => needed(run, setOf)));
      nodes += own.length;
    }
    for (let at = 0; at < found.length; at += maxHandedOver) {
      parts.take(found.slice(at, at + maxHandedOver));
      await breathe();
    }
    yield nodes;
  }
}

/** The deepest first, so that what waits stays little. */
function nextPositions(todo: Position[]): Position[] {
  const batch: Position[] = [];
  let nodes = 0;
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    batch.push(next);
    nodes += next.runs.length;
    if (batch.length >= maxPositionsAtOnce || nodes >= maxNodesAtOnce) break;
  }
  return batch;
}

function needed(
  { id, level, first, last }: Run,
  setOf: (first: number, last: number) => number,
): NeededBlock {
  return { id, kind: level < 0 ? blockKind.data : blockKind.node, set: setOf(first, last) };
}

/** The position of the roots, on the highest level any of them has: a disk may have grown. */
function topOf({ members }: Chain, blockSizeBytes: number): Position {
  const runs: Run[] = [];
  let top = 0;
  for (const [at, { root }] of members.entries()) {
    if (root.id === '') continue;
    const level = levelsFor(Math.ceil(root.sizeBytes / blockSizeBytes)) - 1;
    top = Math.max(top, level);
    extend(runs, Buffer.from(root.id, 'hex'), level, at, at);
  }
  return { level: top, runs };
}

/** Adds a run, or lengthens the last one when it is the same id just before. */
function extend(runs: Run[], id: Buffer, level: number, first: number, last: number): void {
  const before = runs.at(-1);
  const same = before?.last === first - 1 && before.level === level && before.id.equals(id);
  if (before !== undefined && same) before.last = last;
  else runs.push({ id, level, first, last });
}

function loadNodes(
  { level, runs }: Position,
  reader: BlockReader,
): Promise<readonly (TreeNode | null)[]> {
  return Promise.all(
    runs.map(async (run) => (run.level === level ? reader.readNode(run.id, level) : null)),
  );
}

function* childrenOf(
  { level, runs }: Position,
  nodes: readonly (TreeNode | null)[],
): Iterable<Position> {
  for (let child = 0; child < fanOut; child += 1) {
    const below: Run[] = [];
    for (const [i, run] of runs.entries()) {
      const node = nodes[i] ?? null;
      // A smaller disk's root stands where a larger one has its first child.
      if (node === null && child === 0) extend(below, run.id, run.level, run.first, run.last);
      const id = node?.get(child) ?? null;
      if (id !== null) extend(below, id, level - 1, run.first, run.last);
    }
    if (below.length > 0) yield { level: level - 1, runs: below };
  }
}

/** The set of the points from one place in the chain to another. */
function setsOfChain(
  { members }: Chain,
  sets: Pick<PointSets, 'numberOf'>,
): (first: number, last: number) => number {
  const known = new Map<number, number>();
  return (first, last) => {
    const key = first * members.length + last;
    const before = known.get(key);
    if (before !== undefined) return before;
    const stretches: number[] = [];
    for (const { number } of members.slice(first, last + 1)) {
      if (stretches.at(-1) === number - 1) stretches[stretches.length - 1] = number;
      else stretches.push(number, number);
    }
    const set = sets.numberOf(stretches);
    known.set(key, set);
    return set;
  };
}
