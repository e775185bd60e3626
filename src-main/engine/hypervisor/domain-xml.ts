/**
 * A libvirt domain definition as data. Reading is tolerant of what it does not know (libvirt
 * grows), and never of what is not XML.
 */
import { at, attribute, child, children, parseXml, textOf, type Element } from './xml.ts';

export type DiskDevice = 'disk' | 'cdrom' | 'floppy' | 'lun';

export type DiskSourceKind =
  'file' | 'block' | 'network' | 'volume' | 'vhostuser' | 'nvme' | 'dir' | 'none' | 'other';

/** One image of a disk's chain, as a definition names it. */
export interface ImageRef {
  readonly sourceKind: DiskSourceKind;
  /** A path for file, block and dir; "pool/volume", a protocol and name, or null otherwise. */
  readonly source: string | null;
  readonly format: string; // "qcow2", "raw"
}

export interface DomainDisk extends ImageRef {
  readonly target: string; // "vda"
  readonly device: DiskDevice;
  readonly bus: string; // "virtio"
  readonly readOnly: boolean;
  readonly shareable: boolean;
  readonly transient: boolean;
  readonly serial: string | null;
  /** QEMU's device alias; only in a live definition ("virtio-disk0"). */
  readonly alias: string | null;
  /** The images below this one, nearest first; null where libvirt tells none (it does live). */
  readonly chain: readonly ImageRef[] | null;
}

export interface DomainInterface {
  readonly kind: string; // "network", "bridge", "user", …
  readonly mac: string | null;
  readonly source: string | null;
  readonly model: string | null;
}

export type Firmware =
  | { readonly kind: 'bios' }
  | {
      readonly kind: 'uefi';
      readonly loaderPath: string | null;
      /** The firmware is a flash chip, whose variables internal snapshots must hold too. */
      readonly pflash: boolean;
      readonly nvramPath: string | null;
      readonly nvramFormat: string; // "raw", "qcow2"
      readonly nvramTemplate: string | null;
    };

export interface DomainDefinition {
  readonly uuid: string;
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly type: string; // "kvm", "qemu"
  readonly memoryBytes: number;
  readonly processors: number;
  readonly architecture: string;
  readonly machineType: string;
  readonly firmware: Firmware;
  /** version: "2.0"; an emulated TPM keeps its state in libvirt's swtpm folder of this uuid. */
  readonly tpm: { readonly present: boolean; readonly emulated: boolean; readonly version: string };
  readonly disks: readonly DomainDisk[];
  readonly interfaces: readonly DomainInterface[];
  /** Host devices handed through, in words ("pci 0000:03:00.0"). */
  readonly hostDevices: readonly string[];
  readonly hasAgentChannel: boolean;
  /** Only a live definition knows. */
  readonly agentConnected: boolean;
  readonly emulator: string | null;
}

const memoryUnits: Readonly<Record<string, number>> = {
  b: 1,
  bytes: 1,
  KB: 1000,
  k: 1024,
  KiB: 1024,
  MB: 1e6,
  M: 1024 ** 2,
  MiB: 1024 ** 2,
  GB: 1e9,
  G: 1024 ** 3,
  GiB: 1024 ** 3,
  TB: 1e12,
  T: 1024 ** 4,
  TiB: 1024 ** 4,
};

/** @throws `definition-refused` when it is not a domain, or not plain XML within the limits. */
export function parseDomain(xml: string): DomainDefinition {
  return readDomain(parseXml(xml, 'domain'));
}

/** A definition inside another document: `<domain>` or `<inactiveDomain>` of a snapshot. */
export function readDomain(root: Element): DomainDefinition {
  const devices = child(root, 'devices');
  const of = (name: string) => (devices === null ? [] : children(devices, name));
  const agent =
    of('channel')
      .map((channel) => child(channel, 'target'))
      .find(isAgent) ?? null;
  const tpm = of('tpm')[0] ?? null;
  const type = at(root, 'os', 'type');
  return {
    uuid: (textOf(child(root, 'uuid')) ?? '').toLowerCase(),
    name: textOf(child(root, 'name')) ?? '',
    title: textOf(child(root, 'title')) ?? '',
    description: textOf(child(root, 'description')) ?? '',
    type: attribute(root, 'type') ?? '',
    memoryBytes: memoryBytes(child(root, 'memory')),
    processors: wholeNumber(textOf(child(root, 'vcpu')), 1),
    architecture: attribute(type, 'arch') ?? '',
    machineType: attribute(type, 'machine') ?? '',
    firmware: parseFirmware(root),
    tpm: {
      present: tpm !== null,
      emulated: attribute(child(tpm, 'backend'), 'type') === 'emulator',
      version: attribute(child(tpm, 'backend'), 'version') ?? '',
    },
    disks: of('disk').map(parseDisk),
    interfaces: of('interface').map(parseInterface),
    hostDevices: [...of('hostdev').map(describeHostDevice), ...of('mdev').map(() => 'mdev')],
    hasAgentChannel: agent !== null,
    agentConnected: attribute(agent, 'state') === 'connected',
    emulator: textOf(child(devices, 'emulator')),
  };
}

export const agentChannelName = 'org.qemu.guest_agent.0';

function isAgent(target: Element | null): boolean {
  return attribute(target, 'name') === agentChannelName;
}

function wholeNumber(text: string | null, otherwise: number): number {
  const value = Number(text ?? '');
  return text !== null && Number.isSafeInteger(value) && value >= 0 ? value : otherwise;
}

function memoryBytes(memory: Element | null): number {
  const unit = memoryUnits[attribute(memory, 'unit') ?? 'KiB'] ?? 1024;
  const bytes = wholeNumber(textOf(memory), 0) * unit;
  return Number.isSafeInteger(bytes) ? bytes : 0;
}

function parseFirmware(root: Element): Firmware {
  const os = child(root, 'os');
  const loader = child(os, 'loader');
  const nvram = child(os, 'nvram');
  const automatic = attribute(os, 'firmware') === 'efi';
  const loaderType = attribute(loader, 'type');
  const uefi = automatic || loaderType === 'pflash' || nvram !== null;
  if (!uefi) return { kind: 'bios' };
  return {
    kind: 'uefi',
    loaderPath: textOf(loader),
    pflash: loaderType === 'pflash' || (automatic && loaderType === null),
    nvramPath: attribute(child(nvram, 'source'), 'file') ?? textOf(nvram),
    nvramFormat: attribute(nvram, 'format') ?? 'raw',
    nvramTemplate: attribute(nvram, 'template'),
  };
}

const diskDevices: readonly string[] = ['disk', 'cdrom', 'floppy', 'lun'] satisfies DiskDevice[];
const sourceKinds: readonly string[] = [
  'file',
  'block',
  'network',
  'volume',
  'vhostuser',
  'nvme',
  'dir',
] satisfies DiskSourceKind[];

function parseDisk(disk: Element): DomainDisk {
  const device = attribute(disk, 'device') ?? 'disk';
  const target = child(disk, 'target');
  const source = child(disk, 'source');
  return {
    target: attribute(target, 'dev') ?? '',
    device: (diskDevices.includes(device) ? device : 'disk') as DiskDevice,
    bus: attribute(target, 'bus') ?? '',
    sourceKind: sourceKind(disk, source),
    source: describeSource(source),
    format: attribute(child(disk, 'driver'), 'type') ?? 'raw',
    readOnly: child(disk, 'readonly') !== null,
    shareable: child(disk, 'shareable') !== null,
    transient: child(disk, 'transient') !== null,
    serial: textOf(child(disk, 'serial')),
    alias: attribute(child(disk, 'alias'), 'name'),
    chain: chainBelow(disk),
  };
}

function sourceKind(disk: Element, source: Element | null): DiskSourceKind {
  const kind = attribute(disk, 'type') ?? 'file';
  if (describeSource(source) === null && kind !== 'vhostuser' && kind !== 'nvme') return 'none';
  return (sourceKinds.includes(kind) ? kind : 'other') as DiskSourceKind;
}

function describeSource(source: Element | null): string | null {
  if (source === null) return null;
  const path = attribute(source, 'file') ?? attribute(source, 'dev') ?? attribute(source, 'dir');
  if (path !== null) return path;
  const volume = attribute(source, 'volume');
  if (volume !== null) return `${attribute(source, 'pool') ?? ''}/${volume}`;
  const protocol = attribute(source, 'protocol');
  return protocol === null ? null : `${protocol}:${attribute(source, 'name') ?? ''}`;
}

/** libvirt ends a chain it knows with an empty `<backingStore/>`. */
function chainBelow(disk: Element): ImageRef[] | null {
  let below = child(disk, 'backingStore');
  if (below === null) return null;
  const images: ImageRef[] = [];
  for (; below !== null; below = child(below, 'backingStore')) {
    const source = child(below, 'source');
    if (source === null) break;
    images.push({
      sourceKind: sourceKind(below, source),
      source: describeSource(source),
      format: attribute(child(below, 'format'), 'type') ?? 'raw',
    });
  }
  return images;
}

function parseInterface(element: Element): DomainInterface {
  const source = child(element, 'source');
  return {
    kind: attribute(element, 'type') ?? '',
    mac: attribute(child(element, 'mac'), 'address'),
    source:
      attribute(source, 'network') ??
      attribute(source, 'bridge') ??
      attribute(source, 'dev') ??
      null,
    model: attribute(child(element, 'model'), 'type'),
  };
}

/** "pci 0000:03:00.0", "usb 1d6b:0002", or just the kind. */
export function describeHostDevice(element: Element): string {
  const kind = attribute(element, 'type') ?? 'device';
  const address = at(element, 'source', 'address');
  const part = (name: string) => (attribute(address, name) ?? '').replace(/^0x/, '');
  if (kind === 'pci' && address !== null) {
    return `pci ${part('domain')}:${part('bus')}:${part('slot')}.${part('function')}`;
  }
  const id = (name: string) =>
    (attribute(at(element, 'source', name), 'id') ?? '').replace(/^0x/, '');
  if (kind === 'usb' && id('vendor') !== '') return `usb ${id('vendor')}:${id('product')}`;
  const uuid = attribute(address, 'uuid');
  return uuid === null ? kind : `${kind} ${uuid}`;
}
