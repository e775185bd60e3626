/**
 * One machine on a pretend libvirt that does to it what a plan says, as libvirt 9.0 and QEMU 7.2 do
 * (or 9.9 and later), with every trap of theirs that is known: a revert beside a bitmap leaves the
 * machine off, a deletion does not notice a second line, memory on the wrong disk is not refused.
 * A plan that is right keeps every moment what it was; one that is not shows here.
 */
import { domainWithImages } from '#engine/hypervisor/edit-images.ts';
import { parseSnapshot } from '#engine/hypervisor/snapshot-xml.ts';
import { snapshotCreateFlag, snapshotDeleteFlag } from '#engine/hypervisor/snapshot-flags.ts';
import type { StepAction } from '#engine/interlock/steps.ts';
import { addImage, chainOf, imageAt } from './pretend-images.ts';
import {
  adoptReverted,
  deleteExternally,
  lowerRecords,
  pointDisk,
  revertExternally,
} from './pretend-libvirt.ts';
import { activeImages, imagesIn, type PretendRecord, type PretendWorld } from './pretend-world.ts';

/** Does one action, as interlock/execute.ts does: what is done already is not done again. */
export function perform(world: PretendWorld, action: StepAction): void {
  switch (action.do) {
    case 'start':
      if (world.state === 'off') startMachine(world, action.paused);
      return;
    case 'stop':
      if (action.onlyPaused === true ? world.state === 'paused' : world.state !== 'off') {
        stopMachine(world);
      }
      return;
    case 'define':
      world.xml = action.xml;
      return;
    case 'drop-managed-save':
      world.managedSave = false;
      return;
    case 'create-snapshot':
      if (world.records.some(({ name }) => name === action.name)) return;
      for (const path of action.makes) {
        if (world.images.has(path) || world.memoryFiles.has(path)) throw new Error('path-exists');
      }
      createSnapshot(world, action);
      return;
    case 'record-snapshot': {
      recordSnapshot(world, action);
      return;
    }
    case 'make-current':
      if (world.records.some(({ name }) => name === action.name)) world.current = action.name;
      return;
    case 'delete-snapshot':
      if (world.records.some(({ name }) => name === action.name)) deleteSnapshot(world, action);
      return;
    case 'revert-snapshot': {
      if (action.unlessCurrent === true && world.current === action.name) return;
      revertSnapshot(world, action);
      return;
    }
    case 'restore-memory':
      if (world.state === 'off') restoreMemory(world, action);
      return;
    case 'note-revert':
      world.undoable = action.kept === null ? null : { to: action.to, kept: action.kept };
      return;
    case 'unnote-revert':
      return; // only the catalog's
    case 'forget-revert':
      if (world.undoable?.kept === action.kept) world.undoable = null;
      return;
    default: {
      performOnImages(world, action);
      return;
    }
  }
}

function performOnImages(world: PretendWorld, action: StepAction): void {
  const { images } = world;
  const closed = (path: string) => {
    if (world.state === 'off') return;
    const open = [...activeImages(world).values()].flatMap((top) => chainOf(images, top));
    if (open.includes(path)) throw new Error(`${path} is in use`);
  };
  switch (action.do) {
    case 'create-overlay':
      if (images.get(action.path)?.base === action.base) return;
      addImage(images, action.path, action.base);
      return;
    case 'protect-file':
      imageAt(images, action.path).mode = action.mode;
      return;
    case 'remove-bitmap':
      closed(action.image);
      imageAt(images, action.image).bitmaps.delete(action.bitmap);
      return;
    case 'remove-file': {
      if (action.ifEmpty === true && !holdsNothing(world, action.path)) return;
      const used = [...activeImages(world).values()].flatMap((top) => chainOf(images, top));
      if (used.includes(action.path)) throw new Error(`the machine uses ${action.path}`);
      images.delete(action.path);
      world.memoryFiles.delete(action.path);
      return;
    }
    case 'record-checkpoint': {
      if (world.checkpoints.some(({ name }) => name === action.name)) return;
      const bitmap = / bitmap="([^"]*)"/.exec(action.xml)?.[1] ?? action.name;
      const targets = [...activeImages(world).keys()];
      world.checkpoints.push({ name: action.name, bitmap, targets });
      return;
    }
    case 'delete-checkpoint': {
      const doomed = world.checkpoints.filter(({ name }) => name === action.name);
      if (!action.metadataOnly) for (const { bitmap } of doomed) removeBitmaps(world, bitmap);
      world.checkpoints = world.checkpoints.filter(({ name }) => name !== action.name);
      return;
    }
    case 'keep-picture':
    case 'drop-picture':
      return;
    default:
      throw new Error(`not in this pretend machine: ${action.do}`);
  }
}

function holdsNothing({ images }: PretendWorld, path: string): boolean {
  return (images.get(path)?.blocks.size ?? 0) === 0;
}

function removeBitmaps(world: PretendWorld, name: string): void {
  if (world.state === 'off') throw new Error('84: a stopped machine’s checkpoints stay');
  for (const top of activeImages(world).values()) {
    for (const path of chainOf(world.images, top)) imageAt(world.images, path).bitmaps.delete(name);
  }
}

function startMachine(world: PretendWorld, paused: boolean): void {
  if (world.managedSave) throw new Error('the saved memory would be used up');
  for (const path of imagesIn(world.xml).values()) chainOf(world.images, path); // or it fails
  world.liveXml = world.xml;
  world.state = paused ? 'paused' : 'running';
  world.memory = 0; // it boots
}

function stopMachine(world: PretendWorld): void {
  world.state = 'off';
  world.liveXml = null;
  world.memory = 0;
}

function createSnapshot(
  world: PretendWorld,
  { xml, flags }: Extract<StepAction, { do: 'create-snapshot' }>,
): void {
  const asked = parseSnapshot(xml, { current: false, hasMetadata: true });
  const active = world.state !== 'off';
  const internal = asked.disks.some(({ kind }) => kind === 'internal');
  const minds = !internal || world.libvirt < 11_003_000;
  if (!active && world.checkpoints.length > 0 && minds) throw new Error('84: checkpoints exist');
  if (active && asked.memory === 'no' && internal) {
    throw new Error('84: internal without memory');
  }
  const domain = world.liveXml ?? world.xml;
  const state = active ? (asked.memory === 'no' ? 'disk-snapshot' : world.state) : 'shutoff';
  if (asked.memoryFile !== null) {
    const kept = { memory: world.memory, xml: domain, paused: world.state === 'paused' };
    world.memoryFiles.set(asked.memoryFile, kept);
  }
  for (const { target, kind, source } of asked.disks) {
    const top = activeImages(world).get(target) ?? '';
    if (kind === 'internal') {
      const image = imageAt(world.images, top);
      if (image.format !== 'qcow2') throw new Error('67: only qcow2');
      const memory = active ? world.memory : null;
      image.moments.set(asked.name, { blocks: new Map(image.blocks), memory });
    } else if (kind === 'external' && source !== null) {
      addImage(world.images, source, top);
      const overlay = imageAt(world.images, source);
      overlay.mode = active ? 0o600 : 0o644;
      if (active) overlay.bitmaps = new Set(imageAt(world.images, top).bitmaps);
      pointDisk(world, target, source);
    }
  }
  world.records.push({
    ...{ name: asked.name, parent: world.current, time: ++world.clock, state },
    ...{ memory: asked.memory, memoryFile: asked.memoryFile, description: asked.description },
    disks: asked.disks.map(({ target, kind, source }) => ({ target, kind, source })),
    ...{ revertDisks: null, domain },
  });
  world.current = asked.name;
  if ((flags & snapshotCreateFlag.halt) !== 0) stopMachine(world);
}

function recordSnapshot(
  world: PretendWorld,
  { name, xml, current }: Extract<StepAction, { do: 'record-snapshot' }>,
): void {
  const minds = world.libvirt < 11_003_000 && world.state === 'off';
  if (minds && world.checkpoints.length > 0) throw new Error('84: checkpoints exist');
  const told = parseSnapshot(xml, { current: false, hasMetadata: true });
  const domain = /<domain[ >][\s\S]*<\/domain>/.exec(xml)?.[0];
  const record = world.records.find((one) => one.name === name);
  if (record === undefined || domain === undefined)
    throw new Error('only known ones are redefined');
  record.domain = domain;
  record.disks = told.disks.map(({ target, kind, source }) => ({ target, kind, source }));
  record.revertDisks = null;
  if (current) world.current = name;
}

function deleteSnapshot(
  world: PretendWorld,
  { name, flags }: Extract<StepAction, { do: 'delete-snapshot' }>,
): void {
  const record = findRecord(world, name);
  const external = record.disks.some(({ kind }) => kind === 'external');
  if ((flags & snapshotDeleteFlag.metadataOnly) === 0) {
    if (external) deleteExternally(world, record);
    else for (const image of world.images.values()) image.moments.delete(name);
  }
  if (external) lowerRecords(world, record);
  const parent = world.records.find((one) => one.name === record.parent);
  if (world.libvirt >= 9_009_000 && parent !== undefined) adoptReverted(parent);
  for (const child of world.records) if (child.parent === name) child.parent = record.parent;
  world.records = world.records.filter((one) => one !== record);
  if (world.current === name) world.current = record.parent;
}

function findRecord(world: PretendWorld, name: string): PretendRecord {
  const record = world.records.find((one) => one.name === name);
  if (record === undefined) throw new Error(`72: no snapshot ${name}`);
  return record;
}

function revertSnapshot(
  world: PretendWorld,
  { name, flags }: Extract<StepAction, { do: 'revert-snapshot' }>,
): void {
  const record = findRecord(world, name);
  const boots = record.memory === 'no';
  if (world.managedSave && boots) throw new Error('77: managed save');
  stopMachine(world);
  if (record.disks.some(({ kind }) => kind === 'external')) revertExternally(world, record);
  else revertInternally(world, record);
  world.current = name;
  if (boots) {
    if ((flags & 3) !== 0) startMachine(world, (flags & 2) !== 0);
    return;
  }
  world.liveXml = world.xml;
  world.state =
    (flags & 2) !== 0 || ((flags & 1) === 0 && record.state === 'paused') ? 'paused' : 'running';
  world.memory =
    record.memoryFile === null
      ? internalMemory(world, name)
      : (world.memoryFiles.get(record.memoryFile)?.memory ?? NaN);
}

function revertInternally(world: PretendWorld, record: PretendRecord): void {
  world.xml = record.domain;
  for (const { target, kind } of record.disks) {
    if (kind !== 'internal') continue;
    const image = imageAt(world.images, activeImages(world).get(target) ?? '');
    const moment = image.moments.get(record.name);
    if (moment === undefined) throw new Error('snapshot not found');
    if (image.bitmaps.size > 0) throw new Error('1: Device has active dirty bitmaps');
    image.blocks = new Map(moment.blocks);
  }
}

function internalMemory(world: PretendWorld, name: string): number {
  for (const { moments } of world.images.values()) {
    const memory = moments.get(name)?.memory;
    if (typeof memory === 'number') return memory;
  }
  return NaN;
}

function restoreMemory(
  world: PretendWorld,
  { of, file, images, paused }: Extract<StepAction, { do: 'restore-memory' }>,
): void {
  if (of !== undefined && !world.records.some(({ name }) => name === of)) return;
  if (!images.every(({ path }) => holdsNothing(world, path))) return;
  const kept = world.memoryFiles.get(file);
  if (kept === undefined) throw new Error('38: no such file');
  const paths = new Map(images.map(({ target, path }) => [target, path]));
  world.liveXml = domainWithImages(kept.xml, paths);
  world.state = paused ? 'paused' : 'running';
  world.memory = kept.memory;
}
