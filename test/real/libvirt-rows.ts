/**
 * What the tests of the rows share: one private libvirtd, small machines, what their images hold.
 * The rows are the table of what libvirt and QEMU do about snapshots and checkpoints; each test is
 * named after its row and says what this computer's libvirt does, whatever a document says.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { domainBackupXml } from '#engine/hypervisor/backup-xml.ts';
import { domainCheckpointXml } from '#engine/hypervisor/checkpoint-xml.ts';
import type { Hypervisor, HypervisorEvent } from '#engine/hypervisor/hypervisor.ts';
import { openLibvirt } from '#engine/hypervisor/libvirt.ts';
import { snapshotCreateFlag } from '#engine/hypervisor/snapshot-flags.ts';
import { element } from '#engine/hypervisor/xml.ts';
import { realWorld } from '#engine/world/world.ts';
import {
  startPrivateLibvirtd,
  type PrivateLibvirtd,
  type TestMachine,
} from './private-libvirtd.ts';
import type { TestMachineSpec } from './test-machine.ts';

const world = realWorld();
export const mebibyte = 1024 * 1024;
/** One block: a cluster of qcow2 and the granularity of its bitmaps. */
export const blockBytes = 65_536;
const eventLimitMs = 20_000;

/** What `qemu-img info` says of one image; of a running machine's only what is stored by now. */
export interface ImageParts {
  readonly bitmaps: readonly string[]; // "name" or "name (in-use)"
  readonly snapshots: readonly string[];
  readonly backing: string | null;
}

export interface Rows {
  readonly daemon: PrivateLibvirtd;
  readonly hypervisor: Hypervisor;
  /** A machine with one qcow2 disk of 16 MiB, running unless the spec says otherwise. */
  machine(change?: Partial<TestMachineSpec>): Promise<RowMachine>;
  stop(): Promise<void>;
}

export interface RowMachine {
  readonly uuid: string;
  readonly name: string;
  /** The image of its first disk as it was made. */
  readonly base: string;
  /** A path for a file of this machine. */
  file(name: string): string;
  /** Fills blocks of the first disk through the running machine's own device. */
  write(byte: number, ...blocks: readonly number[]): Promise<void>;
  /** Takes an external snapshot of the disks alone; the overlay is `file(name)`. */
  external(name: string): Promise<void>;
  internal(name: string): Promise<void>;
  checkpoint(name: string): Promise<void>;
  /** The image its first disk has now, and those below it where libvirt tells them. */
  images(): Promise<readonly (string | null)[]>;
  state(): Promise<string>;
  /** Points the first disk at another image and forgets the chain libvirt recorded. */
  use(image: string): Promise<void>;
  /** What libvirt did to it since the last call: "stopped 6", "defined 3". */
  told(): readonly string[];
  processId(): number;
  /** kill -9 of its QEMU; resolves when libvirt has noticed. */
  crash(): Promise<void>;
  /** The first byte of each of the first blocks of an image's whole content, from closed files. */
  content(image: string, blocks: number): Promise<readonly number[]>;
  parts(image: string): Promise<ImageParts>;
}

export async function startRows(): Promise<Rows> {
  const daemon = await startPrivateLibvirtd();
  const hypervisor = await openLibvirt(daemon.uri, world);
  const events: HypervisorEvent[] = [];
  hypervisor.on((event) => events.push(event));
  let count = 0;
  return {
    daemon,
    hypervisor,
    machine: async (change = {}) => {
      count += 1;
      const disks = [{ format: 'qcow2', sizeBytes: 16 * mebibyte }] as const;
      const spec = { name: `row-${count}`, disks, start: true, ...change };
      const made = await daemon.defineTestMachine(spec);
      return rowMachine(daemon, hypervisor, made, events);
    },
    stop: async () => {
      await hypervisor.close();
      await daemon.stop();
    },
  };
}

function rowMachine(
  daemon: PrivateLibvirtd,
  hypervisor: Hypervisor,
  made: TestMachine,
  events: readonly HypervisorEvent[],
): RowMachine {
  const { uuid, name, folder } = made;
  const [first] = made.disks;
  const file = (part: string) => join(folder, part);
  let heard = 0;
  const state = async () => (await hypervisor.state(uuid)).state;
  const processId = () =>
    Number(readFileSync(join(daemon.folder, 'r/libvirt/qemu/run', `${name}.pid`), 'utf8'));
  return {
    uuid,
    name,
    base: first?.path ?? '',
    file,
    state,
    processId,
    write: async (byte, ...blocks) => {
      for (const block of blocks) {
        await daemon.guestWrite(uuid, first?.alias ?? '', byte, block * blockBytes, blockBytes);
      }
    },
    external: (snapshot) =>
      hypervisor.createSnapshot(
        uuid,
        snapshotXml(snapshot, { vda: file(snapshot) }),
        snapshotCreateFlag.diskOnly,
      ),
    internal: (snapshot) => hypervisor.createSnapshot(uuid, snapshotXml(snapshot), 0),
    checkpoint: (checkpoint) => hypervisor.createCheckpoint(uuid, checkpointXml(checkpoint), 0),
    images: async () => {
      const [disk] = (await hypervisor.getMachine(uuid)).definition.disks;
      return [disk?.source ?? null, ...(disk?.chain ?? []).map(({ source }) => source)];
    },
    use: async (image) => {
      const xml = await hypervisor.definition(uuid, 'inactive');
      await hypervisor.define(withImage(xml, image));
    },
    told: () => {
      const since = events.slice(heard);
      heard = events.length;
      return since.flatMap((one) =>
        one.kind === 'lifecycle' && one.uuid === uuid ? [`${one.event} ${one.detail}`] : [],
      );
    },
    crash: async () => {
      world.processes.kill(processId(), 'SIGKILL');
      await expect.poll(state, { timeout: eventLimitMs }).toBe('off');
    },
    content: async (image, blocks) => {
      const raw = file('content.raw');
      await daemon.runAs('qemu-img', ['convert', '-O', 'raw', image, raw]);
      const bytes = readFileSync(raw);
      return Array.from({ length: blocks }, (_, block) => oneByte(bytes, block));
    },
    parts: (image) => imageParts(daemon, image),
  };
}

/** The byte a block is full of. */
function oneByte(bytes: Buffer, block: number): number {
  const part = bytes.subarray(block * blockBytes, (block + 1) * blockBytes);
  const [byte = 0] = part;
  if (!part.every((one) => one === byte)) throw new Error(`Block ${block} is torn`);
  return byte;
}

async function imageParts(daemon: PrivateLibvirtd, image: string): Promise<ImageParts> {
  const args = ['info', '--output=json', '--force-share', image];
  const info = JSON.parse(await daemon.runAs('qemu-img', args)) as {
    readonly snapshots?: readonly { readonly name: string }[];
    readonly 'full-backing-filename'?: string;
    readonly 'format-specific': {
      readonly data: {
        readonly bitmaps?: readonly { readonly name: string; readonly flags: readonly string[] }[];
      };
    };
  };
  return {
    bitmaps: (info['format-specific'].data.bitmaps ?? [])
      .map((one) => (one.flags.includes('in-use') ? `${one.name} (in-use)` : one.name))
      .sort(),
    snapshots: (info.snapshots ?? []).map((one) => one.name),
    backing: info['full-backing-filename'] ?? null,
  };
}

/** An inactive or saved definition with another image for vda, and no chain below it. */
export function withImage(xml: string, image: string): string {
  return xml.replace(
    /<source file='[^']*'\/>\s*(?:<backingStore[^]*?)?(?=<target dev='vda')/,
    element('source', { file: image }),
  );
}

/** Without overlays an internal one of every disk. */
export function snapshotXml(
  name: string,
  overlays: Readonly<Record<string, string | null>> = {},
  memoryFile: string | null = null,
): string {
  const disks = Object.entries(overlays).map(([target, overlay]) =>
    overlay === null
      ? element('disk', { name: target, snapshot: 'no' })
      : element('disk', { name: target, snapshot: 'external' }, [
          element('source', { file: overlay }),
        ]),
  );
  return element('domainsnapshot', {}, [
    element('name', {}, name),
    ...(memoryFile === null ? [] : [element('memory', { snapshot: 'external', file: memoryFile })]),
    ...(disks.length === 0 ? [] : [element('disks', {}, disks)]),
  ]);
}

export function checkpointXml(name: string): string {
  return domainCheckpointXml({
    name,
    description: '',
    disks: [{ target: 'vda', checkpoint: true }],
  });
}

/** A pull backup of vda, of what changed since a checkpoint when one is named. */
export function pullXml(machine: RowMachine, since?: string): string {
  const disk = { target: 'vda', backup: true, scratchPath: machine.file('scratch') } as const;
  return domainBackupXml({
    socketPath: machine.file('nbd'),
    disks: [
      since === undefined
        ? { ...disk, mode: 'full' }
        : { ...disk, mode: 'incremental', incremental: since, exportBitmap: 'dirty' },
    ],
  });
}

/** Begins an incremental backup, reads which blocks it calls changed, and ends it. */
export async function changedBlocks(
  { daemon, hypervisor }: Rows,
  machine: RowMachine,
  since: string,
): Promise<readonly number[]> {
  await hypervisor.beginBackup(machine.uuid, pullXml(machine, since), null);
  const uri = `nbd+unix:///vda?socket=${machine.file('nbd')}`;
  const map = await daemon.runAs('nbdinfo', ['--map=qemu:dirty-bitmap:dirty', '--json', uri]);
  await hypervisor.abortJob(machine.uuid);
  type Extent = { readonly offset: number; readonly length: number; readonly type: number };
  return (JSON.parse(map) as readonly Extent[])
    .filter(({ type }) => type === 1)
    .flatMap(({ offset, length }) =>
      Array.from({ length: length / blockBytes }, (_, index) => offset / blockBytes + index),
    );
}

/** An error libvirt gave, by its number (virErrorNumber). */
export function refusal(code: number) {
  return { data: { code } };
}

export const isThere = (path: string): boolean => existsSync(path);
