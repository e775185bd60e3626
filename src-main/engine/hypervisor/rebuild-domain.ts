/**
 * A machine definition from a backup is untrusted: defining arbitrary XML is running commands as
 * root. So a new one is built from an allow-list (domain-rules.ts, device-rules.ts), with a new
 * name, uuid and network addresses and disks only where the caller says; the old text is never
 * edited. Everything left out or changed is told in words.
 */
import type { DefinitionChange } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import { allowed, keptOut, ownRule, word, yesNo, type Report, type Rule } from './allow-list.ts';
import { deviceReasons, deviceRules, hostDeviceRule } from './device-rules.ts';
import { topReasons, topRules } from './domain-rules.ts';
import {
  deviceName,
  rebuildChannel,
  rebuildDisk,
  rebuildGraphics,
  rebuildInterface,
  rebuildPort,
  rebuildRandom,
} from './rebuild-devices.ts';
import { attribute, child, children, element, parseXml, textOf, type Element } from './xml.ts';

export interface DomainChange {
  readonly name: string;
  readonly uuid: string;
  /** A new network address each time it is called. */
  readonly macs: () => string;
  /** By target; a disk that is not here does not come back. */
  readonly disks: ReadonlyMap<string, { readonly path: string; readonly format: string }>;
  /** Disconnected: every network card is there and unplugged. */
  readonly network: 'disconnected' | 'connected';
  /** Where the firmware's variables were restored to; null or absent: libvirt makes new ones. */
  readonly nvram?: string | null;
  /** What the person agreed to beyond the list: 'host-devices'. */
  readonly allow?: ReadonlySet<string>;
}

export interface RebuiltDomain {
  readonly xml: string;
  readonly changes: readonly DefinitionChange[];
}

/** Firmware comes from packages of this host, never from a path a backup names elsewhere. */
const firmwarePath =
  /^\/usr\/share\/(?:OVMF|AAVMF|qemu|edk2|qemu-efi-\w+|ovmf|seabios)\/[\w./+-]+$/;
const usualEmulator = /^\/usr\/(?:bin|libexec)\/(?:qemu-system-\w+|qemu-kvm|kvm)$/;
const handled: ReadonlySet<string> = new Set(['name', 'uuid', 'genid', 'os', 'devices']);

/** @throws `definition-refused` when it is not a domain of QEMU, or not plain XML within limits. */
export function rebuildDomain(xml: string, change: DomainChange): RebuiltDomain {
  const root = parseXml(xml, 'domain');
  const type = attribute(root, 'type') ?? '';
  if (type !== 'kvm' && type !== 'qemu') {
    throw new AppError('definition-refused', `The definition is not of a QEMU machine: ${type}.`, {
      reason: 'type',
    });
  }
  const changes: DefinitionChange[] = [];
  const report: Report = (one) => changes.push(one);
  changes.push(
    { kind: 'changed', what: `name: ${change.name}`, why: 'Names are unique on a host.' },
    { kind: 'changed', what: `uuid: ${change.uuid}`, why: 'The copy is a machine of its own.' },
  );
  const parts = children(root).flatMap((part) => {
    const name = part.nodeName;
    const rule = ownRule(topRules, name);
    if (rule !== null) return [allowed(part, rule, report)];
    if (!handled.has(name)) keptOut(report, name, topReasons.get(name));
    return [];
  });
  const content = [
    element('name', {}, change.name),
    element('uuid', {}, change.uuid),
    ...(child(root, 'genid') === null ? [] : [element('genid')]), // libvirt makes a new one
    ...parts,
    rebuildOs(root, change, report),
    rebuildDevices(root, change, report),
  ];
  return { xml: element('domain', { type }, content), changes };
}

const osParts: Readonly<Record<string, Rule>> = {
  boot: { attributes: { dev: ['hd', 'cdrom', 'network', 'fd'] }, required: ['dev'] },
  bootmenu: { attributes: { enable: yesNo, timeout: /^\d{1,6}$/ } },
  bios: { attributes: { useserial: yesNo, rebootTimeout: /^-?\d{1,6}$/ } },
  smbios: { attributes: { mode: ['emulate', 'sysinfo'] }, required: ['mode'] },
  firmware: { children: { feature: { attributes: { enabled: yesNo, name: word } } } },
  type: { attributes: { arch: word, machine: word }, text: ['hvm'] },
};

function rebuildOs(root: Element, change: DomainChange, report: Report): string {
  const os = child(root, 'os');
  if (os === null) {
    throw new AppError('definition-refused', 'The definition does not say how to start.', {
      reason: 'os',
    });
  }
  const parts = children(os).flatMap((part) => {
    const name = part.nodeName;
    const rule = ownRule(osParts, name);
    if (rule !== null) return [allowed(part, rule, report, `os/${name}`)];
    if (name !== 'loader' && name !== 'nvram') {
      keptOut(report, `os/${name}: ${textOf(part) ?? ''}`, 'It names files of the host.');
    }
    return [];
  });
  const firmware = attribute(os, 'firmware');
  const loader = rebuildLoader(child(os, 'loader'), report);
  const auto = firmware === 'efi' || firmware === 'bios' ? firmware : null;
  return element('os', { firmware: loader.replaced ? 'efi' : auto }, [
    ...parts,
    ...loader.xml,
    ...rebuildNvram(child(os, 'nvram'), change, report),
  ]);
}

/** `replaced`: the path was refused, libvirt chooses a firmware by itself. */
function rebuildLoader(
  loader: Element | null,
  report: Report,
): { readonly xml: readonly string[]; readonly replaced: boolean } {
  if (loader === null) return { xml: [], replaced: false };
  const path = textOf(loader);
  const flash = attribute(loader, 'type') === 'pflash';
  const secure = attribute(loader, 'secure') === 'yes' ? 'yes' : undefined;
  if (path === null) return { xml: [element('loader', { secure })], replaced: false };
  if (!firmwarePath.test(path) || path.includes('..')) {
    const why = 'Firmware comes from the packages of this host.';
    report({ kind: 'changed', what: `firmware ${path}: chosen by libvirt`, why });
    return { xml: [], replaced: flash };
  }
  const attributes = { readonly: 'yes', secure, type: flash ? 'pflash' : 'rom' };
  return { xml: [element('loader', attributes, path)], replaced: false };
}

function rebuildNvram(nvram: Element | null, change: DomainChange, report: Report): string[] {
  const template = attribute(nvram, 'template');
  const known = template !== null && firmwarePath.test(template) && !template.includes('..');
  if (template !== null && !known) {
    keptOut(report, `firmware template ${template}`, 'It names a file of the host.');
  }
  const attributes = { template: known ? template : undefined };
  if (typeof change.nvram === 'string') {
    const why = 'The restored firmware variables.';
    report({ kind: 'changed', what: `firmware variables: ${change.nvram}`, why });
    return [element('nvram', attributes, change.nvram)];
  }
  if (nvram !== null) {
    report({ kind: 'changed', what: 'firmware variables: new', why: 'A copy has its own.' });
  }
  return known ? [element('nvram', attributes)] : [];
}

function rebuildDevices(root: Element, change: DomainChange, report: Report): string {
  const devices = child(root, 'devices');
  const given = devices === null ? [] : children(devices);
  const hasSpice = given.some(
    (device) => device.nodeName === 'graphics' && attribute(device, 'type') === 'spice',
  );
  const rebuilt = given.map((device) => {
    switch (device.nodeName) {
      case 'disk':
        return rebuildDisk(device, change, report);
      case 'interface':
        return rebuildInterface(device, change, report);
      case 'graphics':
        return rebuildGraphics(device, report);
      case 'channel':
        return rebuildChannel(device, hasSpice, report);
      case 'serial':
      case 'console':
        return rebuildPort(device, report);
      case 'rng':
        return rebuildRandom(device, report);
      case 'audio':
        return ''; // libvirt gives a machine one that fits its screen
      case 'emulator':
        return leaveOutEmulator(device, report);
      case 'hostdev':
        if (change.allow?.has('host-devices') === true) {
          return allowed(device, hostDeviceRule, report, deviceName(device));
        }
        break;
    }
    return rebuildPlainDevice(device, report);
  });
  return element('devices', {}, rebuilt);
}

function rebuildPlainDevice(device: Element, report: Report): string {
  const name = device.nodeName;
  const rule = ownRule(deviceRules, name);
  const passthrough = name === 'tpm' && attribute(child(device, 'backend'), 'type') !== 'emulator';
  if (rule !== null && !passthrough) return allowed(device, rule, report);
  keptOut(report, deviceName(device), deviceReasons.get(name));
  return '';
}

/** Every definition names one; only an unusual one is worth a word. */
function leaveOutEmulator(device: Element, report: Report): string {
  const path = textOf(device) ?? '';
  if (!usualEmulator.test(path)) {
    keptOut(report, `emulator ${path}`, 'It names a program that this host would run.');
  }
  return '';
}
