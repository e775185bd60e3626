/** What the doctor looks at beside the facts of the machine. Nothing is changed by looking. */
import { dirname, join } from 'node:path';
import { AppError } from '#contract/errors.ts';
import { parseDomain } from '#engine/hypervisor/domain-xml.ts';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import { isActive, type MachineFacts } from '#engine/interlock/facts.ts';
import type { World } from '#engine/world/world.ts';
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
  /** Where backups of this machine keep their work, without folders that an open journal names. */
  readonly workFolders: readonly string[];
  /** Work folder of a backup job of ours that libvirt runs and none of our jobs does; or null. */
  readonly leftOverJob: string | null;
}

export interface NotLooked {
  readonly what: string;
  readonly why: string;
}

export interface Evidence {
  readonly installation: string;
  readonly repositories: readonly KnownRepository[];
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
/** How Waymark names the memory of a snapshot. */
const memoryEnding = '.memory';

export async function gatherEvidence(
  parts: ExamineParts,
  facts: MachineFacts,
  details: boolean,
): Promise<Evidence> {
  const notLooked: NotLooked[] = [];
  return {
    installation: parts.installation,
    repositories: parts.repositories,
    qemu: details ? await qemuOf(parts, facts, notLooked) : null,
    folders: await existing(parts, notLooked),
    job: parts.leftOverJob,
    memoryFiles: await memoryFiles(parts, facts, notLooked),
    misled: await misledDisks(parts.world, facts),
    notLooked,
  };
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
