/** The devices that reach outside a machine, written anew to reach only where they may. */
import { allowed, keptOut, number, onOff, word, type Report, type Rule } from './allow-list.ts';
import { address, bootOrder } from './device-rules.ts';
import { agentChannelName, describeHostDevice } from './domain-xml.ts';
import type { DomainChange } from './rebuild-domain.ts';
import { attribute, child, children, element, textOf, type Element } from './xml.ts';

const loopback = '127.0.0.1';
const elsewhere = 'It names a file or a socket of the host it was made on.';

const diskParts: Readonly<Record<string, Rule>> = {
  serial: { text: /^[\x20-\x2b\x2d-\x7e]{1,256}$/ },
  wwn: { text: /^[0-9a-f]{16}$/i },
  vendor: { text: /^[\x20-\x7e]{1,8}$/ },
  product: { text: /^[\x20-\x7e]{1,16}$/ },
  boot: bootOrder,
  address,
  blockio: {
    attributes: {
      logical_block_size: number,
      physical_block_size: number,
      discard_granularity: number,
    },
  },
};

const driverChecks = {
  cache: ['default', 'none', 'writethrough', 'writeback', 'directsync', 'unsafe'],
  io: ['threads', 'native', 'io_uring'],
  discard: ['unmap', 'ignore'],
  detect_zeroes: ['off', 'on', 'unmap'],
  error_policy: ['stop', 'report', 'ignore', 'enospace'],
  rerror_policy: ['stop', 'report', 'ignore'],
  queues: number,
  iothread: number,
  iommu: onOff,
  packed: onOff,
} as const;

const removable: readonly string[] = ['cdrom', 'floppy'];

export function rebuildDisk(disk: Element, change: DomainChange, report: Report): string {
  const device = attribute(disk, 'device') ?? 'disk';
  const target = child(disk, 'target');
  const dev = attribute(target, 'dev') ?? '';
  const image = change.disks.get(dev);
  if (!/^[a-z]{2,4}$/.test(dev) || (image === undefined && !removable.includes(device))) {
    keptOut(report, `disk ${dev}`, 'It is not part of the restore point.');
    return '';
  }
  const source = child(disk, 'source');
  if (image === undefined && source !== null && children(disk, 'source').length > 0) {
    const path = attribute(source, 'file') ?? attribute(source, 'dev') ?? 'medium';
    keptOut(report, `medium in ${dev}: ${path}`, 'A drive comes back empty.');
  }
  if (image !== undefined) {
    report({ kind: 'changed', what: `disk ${dev}: ${image.path}`, why: 'The restored image.' });
  }
  for (const name of ['shareable', 'transient', 'encryption', 'iotune', 'auth']) {
    if (child(disk, name) !== null) keptOut(report, `disk ${dev}: ${name}`);
  }
  const parts = Object.entries(diskParts).flatMap(([name, rule]) =>
    children(disk, name).map((part) => allowed(part, rule, report, `disk ${dev}: ${name}`)),
  );
  const bus = attribute(target, 'bus');
  return element('disk', { type: 'file', device: removable.includes(device) ? device : 'disk' }, [
    driver(child(disk, 'driver'), image?.format ?? 'raw'),
    ...(image === undefined ? [] : [element('source', { file: image.path })]),
    element('target', { dev, bus: bus !== null && /^[a-z]{2,8}$/.test(bus) ? bus : undefined }),
    ...(device === 'cdrom' ? [element('readonly')] : []),
    ...parts,
  ]);
}

function driver(given: Element | null, format: string): string {
  const quiet = () => undefined;
  const empty = element('driver');
  const kept = given === null ? empty : allowed(given, { attributes: driverChecks }, quiet);
  // `allowed` gives attributes only: the name and the format are ours.
  return kept.replace(
    '<driver',
    `<driver name="qemu" type="${format === 'raw' ? 'raw' : 'qcow2'}"`,
  );
}

const interfaceParts: Readonly<Record<string, Rule>> = {
  model: { attributes: { type: word }, required: ['type'] },
  mtu: { attributes: { size: number } },
  boot: bootOrder,
  address,
};

const networkSources: ReadonlyMap<string, string> = new Map([
  ['network', 'network'],
  ['bridge', 'bridge'],
]);
const linkName = /^[\w.:-]{1,64}$/;
const interfaceKnown: ReadonlySet<string> = new Set([
  ...Object.keys(interfaceParts),
  'mac',
  'source',
  'target', // the host's end of the cable: libvirt names a new one
  'link',
  'alias',
]);

/** A network card with a new address; plugged in only if asked and only into a named network. */
export function rebuildInterface(given: Element, change: DomainChange, report: Report): string {
  const kind = attribute(given, 'type') ?? '';
  const sourceName = networkSources.get(kind);
  const name = sourceName === undefined ? null : attribute(child(given, 'source'), sourceName);
  const oldMac = attribute(child(given, 'mac'), 'address') ?? 'no address';
  const mac = change.macs();
  const label = `network card ${oldMac}`;
  for (const inner of children(given)) {
    if (!interfaceKnown.has(inner.nodeName)) keptOut(report, `${label}: ${inner.nodeName}`);
  }
  const parts = Object.entries(interfaceParts).flatMap(([part, rule]) =>
    children(given, part).map((inner) => allowed(inner, rule, report, `${label}: ${part}`)),
  );
  report({ kind: 'changed', what: `${label}: ${mac}`, why: 'Two machines must not share one.' });
  const named = name !== null && linkName.test(name) && sourceName !== undefined;
  if (change.network === 'connected' && (named || kind === 'user')) {
    const source = named ? [element('source', { [sourceName]: name })] : [];
    return element('interface', { type: kind }, [
      element('mac', { address: mac }),
      ...source,
      ...parts,
    ]);
  }
  const why =
    change.network === 'connected'
      ? 'It would reach this host or its network past what libvirt checks.'
      : 'A restored copy must not meet the original on its network.';
  report({ kind: 'changed', what: `${label}: unplugged from ${kind} ${name ?? ''}`.trim(), why });
  return element('interface', { type: 'user' }, [
    element('mac', { address: mac }),
    ...parts,
    element('link', { state: 'down' }),
  ]);
}

export function rebuildGraphics(given: Element, report: Report): string {
  const type = attribute(given, 'type') ?? '';
  if (type !== 'vnc' && type !== 'spice') {
    keptOut(report, `graphics ${type}`, 'It would open a window or a device of this host.');
    return '';
  }
  const wished = [
    attribute(given, 'listen'),
    attribute(given, 'socket'),
    ...children(given, 'listen').map(
      (listen) =>
        attribute(listen, 'address') ?? attribute(listen, 'socket') ?? attribute(listen, 'type'),
    ),
  ].filter((value) => value !== null && value !== loopback && value !== 'address');
  if (wished.length > 0 || attribute(given, 'passwd') !== null) {
    const what = `screen (${type}): this computer only`;
    report({ kind: 'changed', what, why: 'A copy must not open the original’s doors.' });
  }
  return element('graphics', { type, autoport: 'yes', listen: loopback }, [
    element('listen', { type: 'address', address: loopback }),
  ]);
}

/** The guest agent's channel on a new socket of libvirt's choice, and the one spice needs. */
export function rebuildChannel(given: Element, hasSpice: boolean, report: Report): string {
  const target = child(given, 'target');
  const name = attribute(target, 'name') ?? '';
  const type = attribute(given, 'type') ?? '';
  const places = children(given, 'address').map((part) => allowed(part, address, report));
  const to = [element('target', { type: 'virtio', name }), ...places];
  if (name === agentChannelName) return element('channel', { type: 'unix' }, to);
  if (type === 'spicevmc' && name === 'com.redhat.spice.0' && hasSpice) {
    return element('channel', { type }, to);
  }
  keptOut(report, `channel ${name}`, elsewhere);
  return '';
}

const portTarget: Rule = {
  attributes: { type: word, port: number },
  children: { model: { attributes: { name: word } } },
};

/** A serial port or console on a terminal of libvirt's choice. */
export function rebuildPort(given: Element, report: Report): string {
  const type = attribute(given, 'type') ?? 'pty';
  if (type !== 'pty') {
    const what = `${given.nodeName} ${type}: a terminal`;
    report({ kind: 'changed', what, why: elsewhere });
  }
  if (child(given, 'log') !== null) keptOut(report, `${given.nodeName}: log file`, elsewhere);
  const parts = [
    ...children(given, 'target').map((part) => allowed(part, portTarget, report)),
    ...children(given, 'address').map((part) => allowed(part, address, report)),
  ];
  return element(given.nodeName, { type: 'pty' }, parts);
}

/** Random numbers always from the kernel of this host. */
export function rebuildRandom(given: Element, report: Report): string {
  const backend = child(given, 'backend');
  const model = attribute(backend, 'model') ?? 'random';
  const from = textOf(backend);
  const usual = from === '/dev/urandom' || from === '/dev/random' || from === null;
  const builtin = model === 'builtin';
  if (!builtin && (model !== 'random' || !usual)) {
    const what = `random numbers from ${from ?? model}: /dev/urandom`;
    report({ kind: 'changed', what, why: elsewhere });
  }
  const rate: Rule = { attributes: { bytes: number, period: number } };
  return element('rng', { model: 'virtio' }, [
    ...children(given, 'rate').map((part) => allowed(part, rate, report)),
    builtin
      ? element('backend', { model })
      : element('backend', { model: 'random' }, '/dev/urandom'),
    ...children(given, 'address').map((part) => allowed(part, address, report)),
  ]);
}

/** What a left-out device is called in front of a person. */
export function deviceName(given: Element): string {
  if (given.nodeName === 'hostdev') return `hostdev ${describeHostDevice(given)}`;
  const source = child(given, 'source');
  const detail =
    attribute(source, 'dir') ?? attribute(source, 'path') ?? attribute(given, 'name') ?? '';
  return `${given.nodeName} ${detail}`.trim();
}
