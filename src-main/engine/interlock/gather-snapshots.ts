/** Snapshots as facts: what each froze, and which images stand on that. */
import type { Hypervisor, SnapshotRecord } from '#engine/hypervisor/hypervisor.ts';
import { snapshotStorage } from '#engine/hypervisor/snapshot-storage.ts';
import type { World } from '#engine/world/world.ts';
import type { DiskFacts, MachineFacts, SnapshotFacts } from './facts.ts';
import { existsOf, readHead } from './gather-images.ts';
import { realName } from './images-in-use.ts';
import { isUndoPoint } from './undo-point.ts';

/** Images off the disks' chains that are looked into. */
const maxBases = 10_000;

export async function gatherSnapshots(
  world: World,
  hypervisor: Hypervisor,
  uuid: string,
  disks: readonly DiskFacts[],
): Promise<Pick<MachineFacts, 'snapshots' | 'bases'>> {
  const records = await hypervisor.listSnapshots(uuid);
  const tree = await imageTree(world, records, disks);
  const facts: SnapshotFacts[] = [];
  for (const record of records) {
    const storage = snapshotStorage(record);
    facts.push({
      record,
      xml: storage === 'internal' ? record.xml : await hypervisor.snapshotXml(uuid, record.name),
      storage,
      undoPoint: isUndoPoint(record.description),
      frozen: await frozenBy(world, record, tree),
      memoryFile: await memoryFileOf(world, record),
    });
  }
  return { snapshots: facts, bases: tree.bases };
}

interface ImageTree {
  /** Which known images stand directly on an image, by its path. */
  readonly on: ReadonlyMap<string, readonly string[]>;
  /** Images of which all that they stand on is known. */
  readonly seen: ReadonlySet<string>;
  readonly bases: MachineFacts['bases'];
}

async function imageTree(
  world: World,
  records: readonly SnapshotRecord[],
  disks: readonly DiskFacts[],
): Promise<ImageTree> {
  const on = new Map<string, Set<string>>();
  const add = (base: string, overlay: string) => {
    const known = on.get(base) ?? new Set();
    on.set(base, known.add(overlay));
  };
  const inChains = new Set<string>();
  const seen = new Set<string>();
  for (const { chain } of disks) {
    for (const [index, image] of chain.entries()) {
      inChains.add(image.path);
      const below = chain[index + 1];
      if (below !== undefined) add(below.path, image.path);
      if (below !== undefined || image.sizeBytes !== null) seen.add(image.path);
    }
  }
  const mentioned = records.flatMap(({ disks: taken }) =>
    taken.flatMap(({ kind, source, image }) =>
      kind === 'no' ? [] : [source, image?.source ?? null],
    ),
  );
  const bases = new Map<string, string>();
  for (const path of new Set(mentioned)) {
    if (path === null || !path.startsWith('/') || inChains.has(path)) continue;
    if (await followDown(world, path, inChains, bases)) seen.add(path);
  }
  for (const [image, base] of bases) add(base, image);
  for (const path of await knownTwice(world, [...inChains, ...mentioned])) seen.delete(path);
  return {
    on: new Map([...on].map(([base, overlays]) => [base, [...overlays].sort()])),
    seen,
    bases: [...bases].map(([image, base]) => ({ image, base })),
  };
}

/** Notes what the image stands on, down to its end or a disk’s chain; false: not all is known. */
async function followDown(
  world: World,
  path: string,
  inChains: ReadonlySet<string>,
  bases: Map<string, string>,
): Promise<boolean> {
  for (let next = path; !inChains.has(next);) {
    const known = bases.get(next);
    const head = known === undefined ? await readHead(world, next) : { below: known };
    if (head === null || bases.size > maxBases) return false;
    if (head.below === null) return true;
    if (known === undefined && leadsTo(bases, head.below, next)) return false; // a loop
    bases.set(next, head.below);
    next = head.below;
  }
  return true;
}

function leadsTo(bases: ReadonlyMap<string, string>, from: string, to: string): boolean {
  for (let next: string | undefined = from; next !== undefined; next = bases.get(next)) {
    if (next === to) return true;
  }
  return false;
}

/** Paths that lead to a file another of them leads to: a link in between, or "..". */
async function knownTwice(
  world: World,
  paths: readonly (string | null)[],
): Promise<readonly string[]> {
  const names = new Map<string, string[]>();
  for (const path of new Set(paths)) {
    if (path === null) continue;
    const real = await realName(world, path);
    names.set(real, [...(names.get(real) ?? []), path]);
  }
  return [...names.values()].filter((same) => same.length > 1).flat();
}

async function frozenBy(
  world: World,
  { disks }: SnapshotRecord,
  tree: ImageTree,
): Promise<SnapshotFacts['frozen']> {
  const frozen: SnapshotFacts['frozen'][number][] = [];
  for (const { target, kind, image } of disks) {
    if (kind !== 'external' || typeof image?.source !== 'string') continue;
    frozen.push({
      target,
      path: image.source,
      format: image.format,
      exists: await existsOf(world, image.source),
      seen: tree.seen.has(image.source),
      overlays: tree.on.get(image.source) ?? [],
    });
  }
  return frozen;
}

async function memoryFileOf(
  world: World,
  { memory, memoryFile }: SnapshotRecord,
): Promise<SnapshotFacts['memoryFile']> {
  if (memory !== 'external' || memoryFile === null) return null;
  const exists = await existsOf(world, memoryFile);
  const stat = exists === true ? await world.files.stat(memoryFile) : null;
  return { path: memoryFile, exists, bytes: stat?.allocatedBytes ?? null };
}
