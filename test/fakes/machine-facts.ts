/** The facts of a pretend machine, as interlock/gather.ts would gather them of a real one. */
import type { MachineId } from '#contract/domain.ts';
import { parseDomain } from '#engine/hypervisor/domain-xml.ts';
import type {
  CheckpointFacts,
  DiskFacts,
  ImageFacts,
  MachineFacts,
  SnapshotFacts,
} from '#engine/interlock/facts.ts';
import { snapshotStorage } from '#engine/hypervisor/snapshot-storage.ts';
import { isUndoPoint } from '#engine/interlock/undo-point.ts';
import { chainOf, imageAt } from './pretend-images.ts';
import { frozenOf } from './pretend-libvirt.ts';
import {
  activeImages,
  recordOf,
  recordXml,
  isWhole,
  uuid,
  type PretendRecord,
  type PretendWorld,
} from './pretend-world.ts';

export const mib = 1024 ** 2;
const at = Date.UTC(2026, 10, 25, 20, 41);

export function machineFacts(
  world: PretendWorld,
  replace: Partial<MachineFacts> = {},
): MachineFacts {
  const definition = parseDomain(world.liveXml ?? world.xml);
  return {
    id: `host-1/${uuid}` as MachineId,
    uuid,
    name: 'web-01',
    host: { name: 'here', kind: 'session', libvirt: world.libvirt, qemu: 7_002_022 },
    state: world.state,
    persistent: true,
    managedSave: world.managedSave,
    memoryBytes: 32 * mib,
    definition,
    inactiveXml: world.xml,
    liveXml: world.liveXml,
    agentConnected: false,
    disks: diskFacts(world),
    snapshots: parentsFirst(world.records).map((record) => snapshotFacts(world, record)),
    bases: basesOf(world),
    shared: [],
    beside: [...world.images.keys(), ...world.memoryFiles.keys()],
    current: world.current,
    checkpoints: world.checkpoints.map((one) => checkpointFacts(one.name, one.targets)),
    libvirtJob: null,
    lostJob: false,
    waymarkJob: null,
    unfinished: null,
    undoable: world.undoable,
    bytesPerSecond: 200 * mib,
    pointCount: 1,
    at,
    ...replace,
  };
}

function diskFacts(world: PretendWorld): readonly DiskFacts[] {
  return [...activeImages(world)].map(([target, path]) => ({
    target,
    leftOut: null,
    chain: chainOf(world.images, path).map((one) => imageFacts(world, one)),
    freeBytes: 1024 * mib,
  }));
}

function imageFacts(world: PretendWorld, path: string): ImageFacts {
  const { format, mode, moments, bitmaps, blocks } = imageAt(world.images, path);
  return {
    ...{ path, format, sizeBytes: 64 * mib, usedBytes: blocks.size * mib, mode, exists: true },
    ...{ writable: true, snapshots: [...moments.keys()], oldFormat: false },
    bitmaps: [...bitmaps].map((name) => ({ name, broken: false })),
  };
}

export function checkpointFacts(
  name: string,
  targets: readonly string[] = ['vda'],
  replace: Partial<CheckpointFacts> = {},
): CheckpointFacts {
  return {
    ...{ name, parent: null, time: at - 60_000, owner: 'ours', repository: 'attic' },
    reference: true,
    disks: targets.map((target) => ({ target, bitmap: name, health: 'healthy' as const })),
    xml: `<domaincheckpoint><name>${name}</name></domaincheckpoint>`,
    ...replace,
  };
}

function snapshotFacts(world: PretendWorld, one: PretendRecord): SnapshotFacts {
  const record = recordOf(world, one);
  const file = one.memoryFile;
  return {
    record,
    xml: recordXml(one),
    storage: snapshotStorage(record),
    undoPoint: isUndoPoint(record.description),
    frozen: one.disks
      .filter(({ kind }) => kind === 'external')
      .map(({ target }) => {
        const path = frozenOf(one, target);
        const exists = world.images.has(path);
        const format = world.images.get(path)?.format ?? 'qcow2';
        return {
          target,
          path,
          format,
          exists,
          seen: isWhole(world, path),
          overlays: knownOn(world, path),
        };
      }),
    memoryFile:
      file === null ? null : { path: file, exists: world.memoryFiles.has(file), bytes: 8 * mib },
  };
}

/** Of what records name, down to the end. */
function basesOf(world: PretendWorld): MachineFacts['bases'] {
  const bases = new Map<string, string>();
  for (const record of world.records) {
    for (const { target, kind, source } of record.disks) {
      if (kind === 'no') continue;
      for (const top of [source, frozenOf(record, target)]) {
        for (let next = top; next !== null && !bases.has(next);) {
          const base: string | null = world.images.get(next)?.base ?? null;
          if (base !== null) bases.set(next, base);
          next = base;
        }
      }
    }
  }
  return [...bases].map(([image, base]) => ({ image, base }));
}

/** Only what a disk's chain or a record names is known. */
function knownOn(world: PretendWorld, path: string): readonly string[] {
  const known = new Set([
    ...[...activeImages(world).values()].flatMap((top) => chainOf(world.images, top)),
    ...world.records.flatMap((record) =>
      record.disks.flatMap(({ target, source }) => [frozenOf(record, target), source ?? '']),
    ),
  ]);
  return [...known].filter((one) => world.images.get(one)?.base === path).sort();
}

function parentsFirst(records: readonly PretendRecord[]): readonly PretendRecord[] {
  const sorted: PretendRecord[] = [];
  const add = (parent: string | null) => {
    for (const record of records.filter((one) => one.parent === parent)) {
      sorted.push(record);
      add(record.name);
    }
  };
  add(null);
  return sorted;
}
