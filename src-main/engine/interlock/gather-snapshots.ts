/** Snapshots as facts: what each froze, and which images stand on that. */
import type { Hypervisor, SnapshotRecord } from '#engine/hypervisor/hypervisor.ts';
import { snapshotStorage } from '#engine/hypervisor/snapshot-storage.ts';
import type { World } from '#engine/world/world.ts';
import type { DiskFacts, SnapshotFacts } from './facts.ts';
import { existsOf, readHead } from './gather-images.ts';
import { realName } from './images-in-use.ts';
import { isUndoPoint } from './undo-point.ts';

export async function gatherSnapshots(
  world: World,
  hypervisor: Hypervisor,
  uuid: string,
  disks: readonly DiskFacts[],
): Promise<readonly SnapshotFacts[]> {
  const records = await hypervisor.listSnapshots(uuid);
  const external = records.filter((record) => snapshotStorage(record) !== 'internal');
  const tree = await imageTree(world, external, disks);
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
  return facts;
}

interface ImageTree {
  /** Which known images stand directly on an image, by its path. */
  readonly on: ReadonlyMap<string, readonly string[]>;
  /** Images of which it is known what they stand on. */
  readonly seen: ReadonlySet<string>;
}

async function imageTree(
  world: World,
  external: readonly SnapshotRecord[],
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
  const mentioned = external.flatMap(({ disks: frozen }) =>
    frozen.flatMap(({ source, image }) => [source, image?.source ?? null]),
  );
  for (const path of new Set(mentioned)) {
    if (path === null || !path.startsWith('/') || inChains.has(path)) continue;
    const head = await readHead(world, path, true);
    if (head === null) continue;
    seen.add(path);
    if (head.below !== null) add(head.below, path);
  }
  for (const path of await knownTwice(world, [...inChains, ...mentioned])) seen.delete(path);
  return { on: new Map([...on].map(([base, overlays]) => [base, [...overlays].sort()])), seen };
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
