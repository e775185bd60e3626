import type { ChangedBytes, CheckpointRecord } from './hypervisor.ts';
import { at, attribute, children, element, parseXml, textOf } from './xml.ts';

export interface CheckpointSpec {
  /** Letters, digits, `_`, `-` and `.`; libvirt makes the bitmap of the same name. */
  readonly name: string;
  readonly description: string;
  /** Every disk of the machine: libvirt takes part in each it is not told about. */
  readonly disks: readonly {
    readonly target: string;
    readonly checkpoint: boolean;
    /** Another name of the bitmap; libvirt takes it only when redefining. */
    readonly bitmap?: string;
  }[];
  /** UTC epoch milliseconds; only for redefining one that libvirt forgot. */
  readonly creationTime?: number;
  readonly parent?: string;
  /** The `<domain>` it was made of; only for redefining, which works without it too. */
  readonly domainXml?: string;
}

/** A `<domaincheckpoint>` (libvirt.org/formatcheckpoint.html). */
export function domainCheckpointXml(spec: CheckpointSpec): string {
  const disks = spec.disks.map(({ target, checkpoint, bitmap = spec.name }) =>
    checkpoint
      ? element('disk', { name: target, checkpoint: 'bitmap', bitmap })
      : element('disk', { name: target, checkpoint: 'no' }),
  );
  return element('domaincheckpoint', {}, [
    element('name', {}, spec.name),
    element('description', {}, spec.description),
    ...(spec.parent === undefined
      ? []
      : [element('parent', {}, [element('name', {}, spec.parent)])]),
    ...(spec.creationTime === undefined
      ? []
      : [element('creationTime', {}, String(Math.floor(spec.creationTime / 1000)))]),
    element('disks', {}, disks),
    ...(spec.domainXml === undefined ? [] : [withoutDeclaration(spec.domainXml)]),
  ]);
}

function withoutDeclaration(xml: string): string {
  return xml.replace(/^\s*<\?xml[^>]*\?>\s*/, '');
}

/** What libvirt prints for a checkpoint, as a record. */
export function parseCheckpoint(xml: string): CheckpointRecord {
  const root = parseXml(xml, 'domaincheckpoint');
  const disks = at(root, 'disks');
  return {
    name: textOf(at(root, 'name')) ?? '',
    time: Number(textOf(at(root, 'creationTime')) ?? '0') * 1000,
    parent: textOf(at(root, 'parent', 'name')),
    description: textOf(at(root, 'description')) ?? '',
    disks: (disks === null ? [] : children(disks, 'disk')).flatMap((disk) => {
      const bitmap = attribute(disk, 'bitmap');
      const target = attribute(disk, 'name');
      if (attribute(disk, 'checkpoint') !== 'bitmap' || bitmap === null || target === null) {
        return [];
      }
      return [{ target, bitmap }];
    }),
    xml,
  };
}

/** What libvirt prints for a checkpoint when asked for sizes. */
export function parseChangedBytes(xml: string): ChangedBytes[] {
  const disks = at(parseXml(xml, 'domaincheckpoint'), 'disks');
  return (disks === null ? [] : children(disks, 'disk')).flatMap((disk) => {
    const target = attribute(disk, 'name');
    if (attribute(disk, 'checkpoint') !== 'bitmap' || target === null) return [];
    const size = attribute(disk, 'size');
    return [{ target, bytes: size === null ? null : Number(size) }];
  });
}
