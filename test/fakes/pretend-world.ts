/**
 * A machine on a pretend libvirt as plain data: what its images and records hold. What is done to
 * it is in pretend-machine.ts.
 */
import { parseDomain } from '#engine/hypervisor/domain-xml.ts';
import type { SnapshotRecord } from '#engine/hypervisor/hypervisor.ts';
import { parseSnapshot } from '#engine/hypervisor/snapshot-xml.ts';
import { addImage, imageAt, readImage, type PretendImages } from './pretend-images.ts';
import { testDomainXml } from '../real/test-machine.ts';

export type PretendState = 'running' | 'paused' | 'off';

export interface PretendRecord {
  name: string;
  parent: string | null;
  time: number;
  /** libvirt's word: running, paused, shutoff, disk-snapshot. */
  state: string;
  memory: 'no' | 'internal' | 'external';
  memoryFile: string | null;
  description: string;
  disks: { target: string; kind: string; source: string | null }[];
  /** From libvirt 9.9 on: what the machine writes to after a revert. */
  revertDisks: { target: string; source: string }[] | null;
  domain: string;
}

export interface PretendWorld {
  libvirt: number;
  state: PretendState;
  /** Stands for all of the guest's memory. */
  memory: number;
  managedSave: boolean;
  /** What the saved memory belongs to: going on from it anywhere else breaks the guest. */
  saved: { xml: string; memory: number; content: string } | null;
  xml: string;
  liveXml: string | null;
  images: PretendImages;
  /** Images that a plan said it leaves. */
  left: string[];
  /** What memory files hold, by path. */
  memoryFiles: Map<string, { memory: number; xml: string; paused: boolean }>;
  records: PretendRecord[];
  current: string | null;
  checkpoints: { name: string; bitmap: string; targets: string[] }[];
  /** The newest revert that was noted, while what it kept is not forgotten. */
  undoable: { to: string; kept: string } | null;
  clock: number;
}

export const uuid = '5c9b3b0a-0000-4000-8000-000000000001';

export interface PretendSpec {
  readonly libvirt?: number;
  readonly state?: PretendState;
  /** Formats of its disks: vda, vdb, … */
  readonly disks?: readonly ('qcow2' | 'raw')[];
}

export function pretendWorld({
  libvirt = 9_000_000,
  state = 'running',
  disks = ['qcow2'],
}: PretendSpec = {}): PretendWorld {
  const spec = disks.map((format) => ({ format, sizeBytes: 64 * 1024 ** 2 }));
  const { xml } = testDomainXml({ name: 'web-01', disks: spec }, uuid, '/images');
  const images: PretendImages = new Map();
  for (const { source, format } of parseDomain(xml).disks)
    addImage(images, source ?? '', null, format);
  return {
    ...{
      libvirt,
      state,
      memory: state === 'off' ? 0 : 1,
      managedSave: false,
      saved: null,
      left: [],
      xml,
    },
    ...{ liveXml: state === 'off' ? null : xml, images, memoryFiles: new Map(), records: [] },
    ...{ current: null, checkpoints: [], undoable: null, clock: 1_000_000 },
  };
}

/** Definitions are read again and again, and parsing is what takes the time. */
const read = new Map<string, ReadonlyMap<string, string>>();
const maxRead = 1000;

/** Targets and images of a definition. */
export function imagesIn(xml: string): ReadonlyMap<string, string> {
  const known = read.get(xml);
  if (known !== undefined) return known;
  const { disks } = parseDomain(xml);
  const images = new Map(disks.map(({ target, source }) => [target, source ?? '']));
  if (read.size >= maxRead) read.clear();
  read.set(xml, images);
  return images;
}

/** Targets and the images they write to now. */
export function activeImages(world: PretendWorld): ReadonlyMap<string, string> {
  return imagesIn(world.liveXml ?? world.xml);
}

/** What the machine would read from each of its disks. */
export function presentOf(world: PretendWorld): Record<string, Record<number, number>> {
  return Object.fromEntries(
    [...activeImages(world)].map(([target, path]) => [target, readImage(world.images, path)]),
  );
}

/** The guest writes; its memory changes with it. */
export function guestWrites(world: PretendWorld, block: number, value: number): void {
  for (const path of activeImages(world).values())
    imageAt(world.images, path).blocks.set(block, value);
  world.memory = value;
}

/** `virsh managedsave`: off, and the next start goes on from the memory. */
export function saveMachine(world: PretendWorld): void {
  const content = JSON.stringify(presentOf(world));
  world.saved = { xml: world.liveXml ?? '', memory: world.memory, content };
  world.managedSave = true;
  world.state = 'off';
  world.liveXml = null;
  world.memory = 0;
}

/** The next start; says whether the guest finds its disks as it left them. */
export function resumeSaved(world: PretendWorld): boolean {
  const { saved } = world;
  if (saved === null) return false;
  world.liveXml = saved.xml;
  world.memory = saved.memory;
  world.state = 'running';
  world.managedSave = false;
  world.saved = null;
  const same = imagesIn(world.xml);
  return (
    JSON.stringify([...same]) === JSON.stringify([...imagesIn(saved.xml)]) &&
    JSON.stringify(presentOf(world)) === saved.content
  );
}

export function addCheckpoint(world: PretendWorld, name: string): void {
  for (const path of activeImages(world).values()) imageAt(world.images, path).bitmaps.add(name);
  world.checkpoints.push({ name, bitmap: name, targets: [...activeImages(world).keys()] });
}

export function recordXml(record: PretendRecord): string {
  const disks = (some: readonly { target: string; kind?: string; source: string | null }[]) =>
    some
      .map(({ target, kind = 'external', source }) =>
        source === null
          ? `<disk name='${target}' snapshot='${kind}'/>`
          : `<disk name='${target}' snapshot='${kind}' type='file'><driver type='qcow2'/>` +
            `<source file='${source}'/></disk>`,
      )
      .join('');
  const file = record.memoryFile === null ? '' : ` file='${record.memoryFile}'`;
  const parent = record.parent === null ? '' : `<parent><name>${record.parent}</name></parent>`;
  const reverted =
    record.revertDisks === null ? '' : `<revertDisks>${disks(record.revertDisks)}</revertDisks>`;
  return (
    `<domainsnapshot><name>${record.name}</name><description>${record.description}</description>` +
    `<state>${record.state}</state>${parent}<creationTime>${record.time}</creationTime>` +
    `<memory snapshot='${record.memory}'${file}/><disks>${disks(record.disks)}</disks>` +
    `${reverted}${record.domain}</domainsnapshot>`
  );
}

export function recordOf(world: PretendWorld, record: PretendRecord): SnapshotRecord {
  const told = { current: world.current === record.name, hasMetadata: true };
  return parseSnapshot(recordXml(record), told);
}

/** Every image of the chain is there, and it has an end. */
export function isWhole({ images }: PretendWorld, top: string): boolean {
  const seen = new Set<string>();
  for (let next: string | null = top; next !== null;) {
    const image = images.get(next);
    if (image === undefined || seen.has(next)) return false;
    seen.add(next);
    next = image.base;
  }
  return true;
}
