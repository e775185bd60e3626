/** What libvirt does with external snapshots, before and from 9.9 on (qemu_snapshot.c). */
import { domainWithImages } from '#engine/hypervisor/edit-images.ts';
import { addImage, chainOf, commitImage, imageAt } from './pretend-images.ts';
import { activeImages, imagesIn, type PretendRecord, type PretendWorld } from './pretend-world.ts';

const revertsItself = 9_009_000;

/** What a snapshot's record says it froze. */
export function frozenOf({ domain }: PretendRecord, target: string): string {
  return imagesIn(domain).get(target) ?? '';
}

export function deleteExternally(world: PretendWorld, record: PretendRecord): void {
  const children = world.records.filter(({ parent }) => parent === record.name);
  const modern = world.libvirt >= revertsItself;
  if (modern) {
    if (world.current === record.name && children.length > 0) throw new Error('67: not a leaf');
    if (children.length > 1) throw new Error('67: multiple children');
    if (world.current !== record.name && children.length === 0) {
      removeImages(world, record);
      return;
    }
  }
  for (const disk of record.disks) {
    if (disk.kind !== 'external') continue;
    mergeDisk(world, record, disk.target, disk.source ?? '');
  }
  if (world.libvirt >= 9_001_000 && record.memoryFile !== null) {
    world.memoryFiles.delete(record.memoryFile);
  }
}

/** A leaf that is not current has no overlay, libvirt thinks, and removes what it froze. */
function removeImages(world: PretendWorld, record: PretendRecord): void {
  for (const { target, kind } of record.disks) {
    if (kind === 'external') world.images.delete(frozenOf(record, target));
  }
  if (record.memoryFile !== null) world.memoryFiles.delete(record.memoryFile);
}

/** Once a child is deleted, the parent’s record names what was made by going back to it. */
export function adoptReverted(parent: PretendRecord): void {
  if (parent.revertDisks === null) return;
  parent.disks = parent.revertDisks.map((disk) => ({ ...disk, kind: 'external' }));
  parent.revertDisks = null;
}

/** The overlay that the record names goes into what it says it froze; nobody else counts. */
function mergeDisk(
  world: PretendWorld,
  record: PretendRecord,
  target: string,
  overlay: string,
): void {
  const top = activeImages(world).get(target) ?? '';
  const chain = chainOf(world.images, top);
  const newestOnly = world.libvirt < revertsItself && world.state === 'off';
  if (!chain.includes(overlay) || (newestOnly && overlay !== top)) {
    throw new Error('8: could not find base disk source in disk source chain');
  }
  const frozen = frozenOf(record, target);
  if (imageAt(world.images, overlay).base !== frozen) {
    throw new Error('9: snapshot VM disk source and parent disk source are not the same');
  }
  commitImage(world.images, overlay, chain[chain.indexOf(overlay) - 1]);
  if (overlay === top) pointDisk(world, target, frozen);
}

/** Those after it froze what it was merged into: libvirt says so even if it only forgets it. */
export function lowerRecords(world: PretendWorld, record: PretendRecord): void {
  const after = new Set([record.name]);
  for (let found = 0; found !== after.size;) {
    found = after.size;
    for (const { name, parent } of world.records) if (after.has(parent ?? '')) after.add(name);
  }
  for (const { target, kind, source } of record.disks) {
    if (kind !== 'external') continue;
    for (const one of world.records) {
      if (one === record || !after.has(one.name) || frozenOf(one, target) !== source) continue;
      const images = new Map([[target, frozenOf(record, target)]]);
      one.domain = domainWithImages(one.domain, images);
    }
  }
}

/** From 9.9 on: new overlays, and the ones of the snapshot it takes for current are removed. */
export function revertExternally(world: PretendWorld, record: PretendRecord): void {
  if (world.libvirt < revertsItself) throw new Error('67: not supported yet');
  if (record.state === 'disk-snapshot' && world.libvirt < 10_010_000) {
    throw new Error('1: Invalid target domain state');
  }
  const current = world.records.find(({ name }) => name === world.current);
  if (current === undefined) throw new Error('libvirtd crashed');
  world.xml = record.domain;
  // All of them, also those that the snapshot left out.
  const made = [...imagesIn(record.domain)].map(([target, frozen]) => {
    const source = `${frozen}.${++world.clock}`;
    addImage(world.images, source, frozen);
    pointDisk(world, target, source);
    return { target, source };
  });
  for (const { source } of current.revertDisks ?? current.disks) {
    if (source !== null) world.images.delete(source);
  }
  current.revertDisks = null;
  const hasChildren = world.records.some(({ parent }) => parent === record.name);
  if (hasChildren) record.revertDisks = made;
  else record.disks = made.map((disk) => ({ ...disk, kind: 'external' }));
}

export function pointDisk(world: PretendWorld, target: string, path: string): void {
  const images = new Map([[target, path]]);
  world.xml = domainWithImages(world.xml, images);
  if (world.liveXml !== null) world.liveXml = domainWithImages(world.liveXml, images);
}
