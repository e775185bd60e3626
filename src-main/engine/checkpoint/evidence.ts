/** What the doctor looks at beside the facts of the machine. Nothing is changed by looking. */
import { dirname, join } from 'node:path';
import { AppError } from '#contract/errors.ts';
import { checkpointPrefix } from '#engine/hypervisor/checkpoint-owner.ts';
import { parseDomain } from '#engine/hypervisor/domain-xml.ts';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import { isActive, type MachineFacts } from '#engine/interlock/facts.ts';
import type { World } from '#engine/world/world.ts';
import { chainBitmaps } from './bitmaps.ts';
import { askQemu, type QemuBitmaps } from './qemu-bitmaps.ts';

/** What one repository known here says of the machine. */
export interface KnownRepository {
  readonly id: string;
  readonly name: string;
  /** Its restore points of this machine; null when the repository cannot be read now. */
  readonly points: readonly { readonly id: string; readonly time: number }[] | null;
}

export interface ExamineParts {
  readonly world: World;
  readonly hypervisor: Pick<Hypervisor, 'monitorCommand' | 'savedDefinition'>;
  readonly installation: string;
  readonly repositories: readonly KnownRepository[];
  /**
   * Which image each disk had when a restore point was made, by target; null when its manifest
   * cannot be read.
   */
  sourcesOf(repository: string, point: string): Promise<PointSources | null>;
  /** Where backups of this machine keep their work, without folders that an open journal names. */
  readonly workFolders: readonly string[];
  /** Work folder of a backup job of ours that libvirt runs and none of our jobs does; or null. */
  readonly leftOverJob: string | null;
}

export type PointSources = ReadonlyMap<string, string | null>;

export interface NotLooked {
  readonly what: string;
  readonly why: string;
}

export interface Evidence {
  readonly installation: string;
  readonly repositories: readonly KnownRepository[];
  /** By name of the checkpoint made with it: the points whose record is there in some form. */
  readonly sources: ReadonlyMap<string, PointSources>;
  readonly qemu: QemuBitmaps | null;
  /** Of `workFolders` those that exist. */
  readonly folders: readonly string[];
  readonly job: string | null;
  /** Saved memory of this machine that lies beside its images and belongs to no snapshot. */
  readonly memoryFiles: readonly string[];
  /** Disks whose image names another one below it than libvirt uses. */
  readonly misled: readonly {
    readonly target: string;
    readonly told: string;
    readonly found: string;
  }[];
  readonly notLooked: readonly NotLooked[];
}

/** Memory files looked into in one examination. */
const maxMemoryFiles = 64;
/** Manifests read in one examination, of the newest points. */
const maxManifests = 32;
/** How Waymark names the memory of a snapshot. */
const memoryEnding = '.memory';

/** The checkpoint that is made together with a point. */
export function checkpointOf(point: string): string {
  return checkpointPrefix + point.toLowerCase();
}

export async function gatherEvidence(
  parts: ExamineParts,
  facts: MachineFacts,
  details: boolean,
): Promise<Evidence> {
  const notLooked: NotLooked[] = [];
  const qemu = details ? await qemuOf(parts, facts, notLooked) : null;
  return {
    installation: parts.installation,
    repositories: parts.repositories,
    sources: await sourcesOf(parts, facts, qemu, notLooked),
    qemu,
    folders: await existing(parts, notLooked),
    job: parts.leftOverJob,
    memoryFiles: await memoryFiles(parts, facts, notLooked),
    misled: await misledDisks(parts.world, facts),
    notLooked,
  };
}

async function sourcesOf(
  parts: ExamineParts,
  facts: MachineFacts,
  qemu: QemuBitmaps | null,
  notLooked: NotLooked[],
): Promise<Evidence['sources']> {
  const bitmaps = facts.disks.flatMap((disk) =>
    chainBitmaps(facts, disk, qemu).flatMap((one) => one.bitmaps ?? []),
  );
  const names = new Set([...bitmaps, ...facts.checkpoints].map(({ name }) => name));
  const wanted = parts.repositories
    .flatMap(({ id, points }) => (points ?? []).map((point) => ({ id, point: point.id })))
    .filter(({ point }) => names.has(checkpointOf(point)))
    .sort((a, b) => (a.point < b.point ? 1 : -1)); // ULIDs sort by time
  const found = new Map<string, PointSources>();
  for (const { id, point } of wanted.slice(0, maxManifests)) {
    const sources = await parts.sourcesOf(id, point);
    if (sources !== null) found.set(checkpointOf(point), sources);
    else notLooked.push({ what: `The restore point ${point}`, why: 'It cannot be read now.' });
  }
  return found;
}

async function qemuOf(
  { hypervisor }: ExamineParts,
  facts: MachineFacts,
  notLooked: NotLooked[],
): Promise<QemuBitmaps | null> {
  if (!isActive(facts)) return null; // the closed images say it all
  const what = 'QEMU’s own list of bitmaps';
  if (facts.libvirtJob !== null || facts.waymarkJob !== null) {
    notLooked.push({ what, why: 'A job of the machine is under way, and this would wait for it.' });
    return null;
  }
  try {
    return await askQemu(hypervisor, facts.uuid);
  } catch (thrown) {
    notLooked.push({ what, why: wordsOf(thrown) });
    return null;
  }
}

async function existing({ world, workFolders }: ExamineParts, notLooked: NotLooked[]) {
  const found: string[] = [];
  for (const path of workFolders) {
    try {
      const stat = await world.files.stat(path);
      if (stat?.kind === 'folder') found.push(path);
    } catch (thrown) {
      notLooked.push({ what: `The work folder ${path}`, why: wordsOf(thrown) });
    }
  }
  return found;
}

async function memoryFiles(
  { world, hypervisor }: ExamineParts,
  facts: MachineFacts,
  notLooked: NotLooked[],
): Promise<readonly string[]> {
  const images = facts.disks.flatMap(({ chain }) => chain.map(({ path }) => path));
  const used = new Set(facts.snapshots.map(({ record }) => record.memoryFile));
  const mine: string[] = [];
  let looked = 0;
  for (const folder of new Set(images.map((path) => dirname(path)))) {
    for (const name of await namesIn(world, folder)) {
      const path = join(folder, name);
      if (!name.endsWith(memoryEnding) || used.has(path)) continue;
      looked += 1;
      if (looked > maxMemoryFiles) {
        notLooked.push({
          what: 'Some files of saved memory',
          why: `Only the first ${maxMemoryFiles} beside the images are looked into.`,
        });
        return mine;
      }
      if ((await ownerOf(hypervisor, path)) === facts.uuid) mine.push(path);
    }
  }
  return mine;
}

async function namesIn(world: World, folder: string): Promise<readonly string[]> {
  try {
    return await world.files.list(folder);
  } catch (thrown) {
    if (thrown instanceof AppError) return []; // not ours to read: what is there is not known
    throw thrown;
  }
}

/** Whose memory a file holds, which only the definition inside it proves; null for any other. */
async function ownerOf(
  hypervisor: Pick<Hypervisor, 'savedDefinition'>,
  path: string,
): Promise<string | null> {
  try {
    return parseDomain(await hypervisor.savedDefinition(path)).uuid;
  } catch (thrown) {
    if (thrown instanceof AppError) return null;
    throw thrown;
  }
}

/** Only a running machine's definition tells the chain that QEMU has open. */
async function misledDisks(world: World, facts: MachineFacts): Promise<Evidence['misled']> {
  const misled: { target: string; told: string; found: string }[] = [];
  if (!isActive(facts)) return misled;
  for (const { target, chain } of facts.disks) {
    const told = facts.definition.disks.find((disk) => disk.target === target)?.chain ?? [];
    for (const [index, below] of told.entries()) {
      const image = chain[index + 1];
      if (below.source === null || image === undefined) break;
      if (await samePath(world, below.source, image.path)) continue;
      misled.push({ target, told: below.source, found: image.path });
      break;
    }
  }
  return misled;
}

async function samePath(world: World, one: string, other: string): Promise<boolean> {
  if (one === other) return true;
  const real = async (path: string) => world.files.realPath(path).catch(() => path);
  return (await real(one)) === (await real(other));
}

function wordsOf(thrown: unknown): string {
  if (thrown instanceof AppError) return thrown.message;
  throw thrown;
}
