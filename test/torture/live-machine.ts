/**
 * The real machine, looked at and handled with virsh, qemu-img and qemu-io only, so that nothing
 * the engine believes is taken from the engine.
 */
import { randomUUID } from 'node:crypto';
import { readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { at, attribute, children, parseXml, textOf, type Element } from '#engine/hypervisor/xml.ts';
import type { PrivateLibvirtd, TestMachine } from '../real/private-libvirtd.ts';
import type { PowerState } from './model.ts';
import { bytesOf, sectorBytes } from './sectors.ts';

/** Where the content of a disk is. */
export interface Image {
  readonly path: string;
  readonly format: string;
}

/** A snapshot as libvirt tells it. */
export interface SeenSnapshot {
  readonly name: string;
  readonly memory: 'no' | 'internal' | 'external';
  readonly memoryFile: string | null;
  readonly parent: string | null;
  /** Included disks and the image that holds the moment of each. */
  readonly disks: readonly {
    readonly target: string;
    readonly kind: string;
    readonly image: Image | null;
  }[];
}

export interface LiveMachine {
  readonly uuid: string;
  power(): Promise<PowerState>;
  /** Through the running device, or into the closed image; on the disk when it returns. */
  write(disk: string, first: number, count: number, number: number): Promise<void>;
  /** What the disks hold now, by target. */
  read(): Promise<ReadonlyMap<string, Buffer>>;
  /** The disks as the images of a snapshot hold them. */
  readSnapshot(snapshot: SeenSnapshot): Promise<ReadonlyMap<string, Buffer>>;
  snapshots(): Promise<readonly SeenSnapshot[]>;
  checkpoints(): Promise<readonly string[]>;
  /** Changes when a closed image does: files that no disk has open, as they are now. */
  closedImages(): Promise<string>;
  /** What a refusal must leave as it is: definition, snapshots, checkpoints, files. */
  fingerprint(): Promise<string>;
  /** The BIOS clock in the guest's memory: 18.2 a second; null when it is not active. */
  ticks(): Promise<number | null>;
  /** kill -9; returns when libvirt has seen it. */
  killQemu(): Promise<void>;
  /** Process id of its QEMU, or null. */
  qemuPid(): Promise<number | null>;
}

const goneLimitMs = 30_000;
const settleLimitMs = 30_000;

/** It may end by itself in the very moment. */
export function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
  }
}

export function liveMachine(libvirtd: PrivateLibvirtd, machine: TestMachine): LiveMachine {
  const live: LiveMachine = {
    uuid: machine.uuid,
    power: () => powerOf(libvirtd, machine.uuid),
    write: (disk, first, count, number) => write(libvirtd, machine, disk, first, count, number),
    read: async () => {
      const active = isActive(await live.power());
      const images = await currentImages(libvirtd, machine.uuid, active);
      return active ? readActive(libvirtd, machine, images) : readClosed(libvirtd, images);
    },
    readSnapshot: async ({ name, disks }) =>
      allOf(disks, async ({ target, kind, image }) => {
        if (image === null) throw new Error(`The snapshot ${name} does not say where ${target} is`);
        const inside = kind === 'internal' ? ['-l', `snapshot.name=${name}`] : [];
        return [target, await convert(libvirtd, image, ['-U', ...inside])];
      }),
    snapshots: () => snapshotsOf(libvirtd, machine.uuid),
    checkpoints: async () =>
      lines(await libvirtd.virsh('checkpoint-list', '--name', machine.uuid)).sort(),
    closedImages: async () => {
      const active = isActive(await live.power());
      const images = await currentImages(libvirtd, machine.uuid, active);
      const open = new Set([...images.values()].map(({ path }) => path));
      const paths = (await readdir(machine.folder)).map((name) => join(machine.folder, name));
      return filesAsTheyAre(paths.filter((path) => !open.has(path)));
    },
    fingerprint: () => fingerprintOf(libvirtd, machine, live),
    ticks: async () => {
      if (!isActive(await live.power())) return null;
      const answer = await monitor(libvirtd, machine.uuid, `xp /1wx ${biosTicks}`);
      const value = /:\s*(0x[0-9a-f]+)/.exec(answer)?.[1];
      return value === undefined ? null : Number(value);
    },
    killQemu: async () => {
      const pid = await live.qemuPid();
      if (pid === null) return;
      killIfThere(pid);
      const deadline = performance.now() + goneLimitMs;
      // What runs may start it again at once: then it is another process.
      while (isActive(await live.power()) && (await live.qemuPid()) === pid) {
        if (performance.now() > deadline) throw new Error('libvirt did not see QEMU’s end');
      }
    },
    qemuPid: async () => {
      const path = join(libvirtd.folder, 'r/libvirt/qemu/run', `${machine.name}.pid`);
      const text = await readFile(path, 'utf8').catch(() => '');
      const pid = Number(text.trim());
      return Number.isInteger(pid) && pid > 1 ? pid : null;
    },
  };
  return live;
}

/** Where a BIOS keeps its count of timer interrupts since midnight, 32 bits. */
const biosTicks = '0x46c';

/** What is read of several disks, at the same time. */
async function allOf<Disk>(
  disks: Iterable<Disk>,
  read: (disk: Disk) => Promise<readonly [string, Buffer]>,
): Promise<ReadonlyMap<string, Buffer>> {
  return new Map(await Promise.all([...disks].map(read)));
}

const isActive = (power: PowerState) => power === 'running' || power === 'paused';
const lines = (text: string) => text.split('\n').filter((line) => line.trim() !== '');

async function powerOf(libvirtd: PrivateLibvirtd, uuid: string): Promise<PowerState> {
  const deadline = performance.now() + settleLimitMs;
  for (;;) {
    const info = await libvirtd.virsh('dominfo', uuid);
    const value = (name: string) =>
      new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(info)?.[1]?.trim() ?? '';
    const state = value('State');
    if (state === 'running' || state === 'paused') return state;
    if (state === 'shut off' || state === 'crashed') {
      return value('Managed save') === 'yes' ? 'saved' : 'off';
    }
    // “in shutdown” while libvirt ends its QEMU: not for long.
    if (performance.now() > deadline) throw new Error(`The machine stays “${state}”`);
  }
}

/** The active image of each disk, as the definition says it. */
async function currentImages(
  libvirtd: PrivateLibvirtd,
  uuid: string,
  active: boolean,
): Promise<ReadonlyMap<string, Image>> {
  const xml = await libvirtd.virsh('dumpxml', uuid, ...(active ? [] : ['--inactive']));
  return imagesOf(parseXml(xml, 'domain'));
}

function imagesOf(domain: Element): ReadonlyMap<string, Image> {
  const devices = at(domain, 'devices');
  const disks = devices === null ? [] : children(devices, 'disk');
  return new Map(
    disks.flatMap((disk) => {
      const target = attribute(at(disk, 'target'), 'dev');
      const path = attribute(at(disk, 'source'), 'file');
      const format = attribute(at(disk, 'driver'), 'type') ?? 'raw';
      return target === null || path === null ? [] : [[target, { path, format }] as const];
    }),
  );
}

function monitor(libvirtd: PrivateLibvirtd, uuid: string, command: string): Promise<string> {
  return libvirtd.virsh('qemu-monitor-command', uuid, '--hmp', command);
}

async function write(
  libvirtd: PrivateLibvirtd,
  { uuid, disks }: TestMachine,
  disk: string,
  first: number,
  count: number,
  number: number,
): Promise<void> {
  const [offset, length] = [first * sectorBytes, count * sectorBytes];
  const pattern = join(libvirtd.images, 'pattern');
  await writeFile(pattern, bytesOf(number, first, count), { mode: 0o644 });
  const fill = number === 0 ? '-z' : `-s ${pattern}`;
  const command = `write ${fill} ${offset} ${length}`;
  const power = await powerOf(libvirtd, uuid);
  if (isActive(power)) {
    const alias = disks.find(({ target }) => target === disk)?.alias ?? '';
    const device = `/machine/peripheral/${alias}/virtio-backend`;
    // Flushed, as a guest does what must survive a power cut.
    for (const line of [command, 'flush']) {
      const answer = await monitor(libvirtd, uuid, `qemu-io -d ${device} "${line}"`);
      if (answer.trim() !== '') throw new Error(`${line}: ${answer}`); // silence is success
    }
    return;
  }
  const image = (await currentImages(libvirtd, uuid, false)).get(disk);
  if (image === undefined) throw new Error(`No disk ${disk}`);
  await libvirtd.runAs('qemu-io', ['-f', image.format, '-c', command, image.path]);
}

async function convert(
  libvirtd: PrivateLibvirtd,
  { path, format }: Image,
  options: readonly string[] = [],
): Promise<Buffer> {
  const out = join(libvirtd.images, `read-${randomUUID()}.raw`);
  const args = ['convert', '-f', format, '-O', 'raw', ...options, path, out];
  await libvirtd.runAs('qemu-img', args);
  const bytes = await readFile(out);
  await rm(out);
  return bytes;
}

async function readClosed(
  libvirtd: PrivateLibvirtd,
  images: ReadonlyMap<string, Image>,
): Promise<ReadonlyMap<string, Buffer>> {
  return allOf(images, async ([target, image]) => [target, await convert(libvirtd, image)]);
}

/** Through an NBD export of the running device's own node: what the guest would read. */
async function readActive(
  libvirtd: PrivateLibvirtd,
  { uuid, disks }: TestMachine,
  images: ReadonlyMap<string, Image>,
): Promise<ReadonlyMap<string, Buffer>> {
  const ask = async (execute: string, args: object = {}): Promise<unknown> => {
    const command = JSON.stringify({ execute, arguments: args });
    const answer = await libvirtd.virsh('qemu-monitor-command', uuid, command);
    const { return: value, error } = JSON.parse(answer) as { return?: unknown; error?: unknown };
    if (error !== undefined) throw new Error(`${execute}: ${JSON.stringify(error)}`);
    return value;
  };
  const blocks = (await ask('query-block')) as readonly {
    qdev?: string;
    inserted?: { 'node-name': string };
  }[];
  const socket = join(libvirtd.images, 'read.sock');
  await rm(socket, { force: true });
  await ask('nbd-server-start', { addr: { type: 'unix', data: { path: socket } } });
  try {
    const some = disks.filter(({ target }) => images.has(target));
    return await allOf(some, async ({ target, alias }) => {
      const device = blocks.find(({ qdev }) => qdev?.includes(`/${alias}/`));
      const node = device?.inserted?.['node-name'];
      const what = { type: 'nbd', id: `read-${target}`, 'node-name': node, name: target };
      await ask('block-export-add', what);
      const path = `nbd+unix:///${target}?socket=${socket}`;
      return [target, await convert(libvirtd, { path, format: 'raw' })];
    });
  } finally {
    await ask('nbd-server-stop');
  }
}

async function snapshotsOf(
  libvirtd: PrivateLibvirtd,
  uuid: string,
): Promise<readonly SeenSnapshot[]> {
  const names = lines(await libvirtd.virsh('snapshot-list', '--name', uuid));
  return Promise.all(
    names.map(async (name) => seenSnapshot(await libvirtd.virsh('snapshot-dumpxml', uuid, name))),
  );
}

function seenSnapshot(xml: string): SeenSnapshot {
  const root = parseXml(xml, 'domainsnapshot');
  // What was defined when it was taken names the image that holds the moment, whatever its kind.
  const domain = at(root, 'domain');
  const images = domain === null ? new Map<string, Image>() : imagesOf(domain);
  const disks = at(root, 'disks');
  const memory = at(root, 'memory');
  const kind = attribute(memory, 'snapshot');
  return {
    name: textOf(at(root, 'name')) ?? '',
    memory: kind === 'internal' || kind === 'external' ? kind : 'no',
    memoryFile: attribute(memory, 'file'),
    parent: textOf(at(root, 'parent', 'name')),
    disks: (disks === null ? [] : children(disks, 'disk')).flatMap((disk) => {
      const target = attribute(disk, 'name') ?? '';
      const stored = attribute(disk, 'snapshot') ?? 'no';
      if (stored === 'no') return [];
      return [{ target, kind: stored, image: images.get(target) ?? null }];
    }),
  };
}

async function filesAsTheyAre(paths: readonly string[]): Promise<string> {
  const told = [...paths].sort().map(async (path) => {
    const { size, mtimeNs, ino } = await stat(path, { bigint: true });
    return `${path} ${ino} ${size} ${mtimeNs}`;
  });
  return (await Promise.all(told)).join('\n');
}

async function fingerprintOf(
  libvirtd: PrivateLibvirtd,
  { uuid, folder }: TestMachine,
  live: LiveMachine,
): Promise<string> {
  const xml = await libvirtd.virsh('dumpxml', uuid, '--inactive');
  const names = lines(await libvirtd.virsh('snapshot-list', '--tree', uuid));
  const current = await libvirtd.tryVirsh('snapshot-current', '--name', uuid);
  const files = (await readdir(folder)).sort();
  const known = [names, current.stdout.trim(), await live.checkpoints(), await live.power(), files];
  return JSON.stringify([...known, xml]);
}
