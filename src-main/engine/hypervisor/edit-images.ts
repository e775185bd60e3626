/**
 * Points the disks of a definition, and the records of snapshots, at other images. Everything else
 * stays byte for byte.
 *
 * libvirt trusts a chain that a definition tells (`<backingStore>`), so it goes with the old image;
 * libvirt then reads the chain from the images themselves.
 */
import {
  edited,
  removal,
  spanNamed,
  spanOf,
  spansNamed,
  startTag,
  withAttribute,
  type Edit,
  type Span,
} from './xml-edit.ts';
import { attribute, child, element, parseXml } from './xml.ts';

/** By target: the path of a qcow2 image. */
export type NewImages = ReadonlyMap<string, string>;

/** A `<domain>` whose disks are on other images. */
export function domainWithImages(xml: string, images: NewImages): string {
  return edited(xml, domainEdits(xml, spanOf(xml, 'domain'), images));
}

/**
 * The definition inside a snapshot, with its name as it is now and its disks on other images.
 * @param which `live`: as it ran; `stored`: what its next start would have used, if told apart.
 */
export function domainOfSnapshot(
  snapshotXml: string,
  which: 'live' | 'stored',
  name: string,
  images: NewImages,
): string | null {
  const root = spanOf(snapshotXml, 'domainsnapshot');
  const stored = which === 'stored' ? spanNamed(root, 'inactiveDomain') : null;
  const span = stored ?? spanNamed(root, 'domain');
  if (span === null) return null;
  const tag = startTag(snapshotXml, span).replace(/^<inactiveDomain/, '<domain');
  const xml = `${tag}${snapshotXml.slice(span.contentStart, span.contentEnd)}</domain>`;
  return renamed(domainWithImages(xml, images), name);
}

function renamed(xml: string, name: string): string {
  const span = spanNamed(spanOf(xml, 'domain'), 'name');
  if (span === null) return xml;
  return edited(xml, [{ start: span.start, end: span.end, text: element('name', {}, name) }]);
}

function domainEdits(xml: string, domain: Span, images: NewImages): readonly Edit[] {
  const devices = spanNamed(domain, 'devices');
  if (devices === null) return [];
  return spansNamed(devices, 'disk').flatMap((disk) => {
    const target = targetOf(xml, disk);
    const image = target === null ? undefined : images.get(target);
    return image === undefined ? [] : diskEdits(xml, disk, image);
  });
}

function targetOf(xml: string, disk: Span): string | null {
  const parsed = parseXml(xml.slice(disk.start, disk.end), 'disk');
  return attribute(child(parsed, 'target'), 'dev');
}

function diskEdits(xml: string, disk: Span, image: string): readonly Edit[] {
  const source = spanNamed(disk, 'source');
  const driver = spanNamed(disk, 'driver');
  const backing = spanNamed(disk, 'backingStore');
  const newSource = element('source', { file: image });
  return [
    tagEdit(xml, disk, 'type', 'file'),
    ...(driver === null ? [] : [tagEdit(xml, driver, 'type', 'qcow2')]),
    source === null
      ? { start: disk.contentStart, end: disk.contentStart, text: newSource }
      : { start: source.start, end: source.end, text: newSource },
    ...(backing === null ? [] : [removal(xml, backing)]),
  ];
}

function tagEdit(xml: string, span: Span, name: string, value: string): Edit {
  const tag = startTag(xml, span);
  const text = withAttribute(tag, name, value);
  return { start: span.start, end: span.start + tag.length, text };
}

/**
 * The record of an external snapshot, saying that the machine writes to other images since. libvirt
 * merges what the record names when the snapshot is deleted. What it noted of an earlier revert
 * (`<revertDisks>`) is not true any more then.
 */
export function snapshotWithOverlays(snapshotXml: string, images: NewImages): string {
  const root = spanOf(snapshotXml, 'domainsnapshot');
  const disks = spanNamed(root, 'disks');
  if (disks === null || images.size === 0) return snapshotXml;
  const reverted = spanNamed(root, 'revertDisks');
  const edits = spansNamed(disks, 'disk').flatMap((disk): readonly Edit[] => {
    const tag = parseXml(snapshotXml.slice(disk.start, disk.end), 'disk');
    const target = attribute(tag, 'name');
    const image = target === null ? undefined : images.get(target);
    if (image === undefined || attribute(tag, 'snapshot') !== 'external') return [];
    const source = spanNamed(disk, 'source');
    if (source === null) return [];
    const { start, end } = source;
    const text = element('source', { file: image });
    return [tagEdit(snapshotXml, disk, 'type', 'file'), { start, end, text }];
  });
  const dropped = reverted === null ? [] : [removal(snapshotXml, reverted)];
  return edited(snapshotXml, [...edits, ...dropped]);
}
