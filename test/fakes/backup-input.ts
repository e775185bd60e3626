/** What a backup is decided from, of one running machine; a test says only what is different. */
import type { BackupFacts, BackupInput, LastPointFacts, MachineDisk } from '#engine/backup/plan.ts';
import type { DomainDisk } from '#engine/hypervisor/domain-xml.ts';

export const gib = 1024 ** 3;
export const mib = 1024 ** 2;

export function disk(
  target: string,
  change: Partial<DomainDisk> = {},
  more: Partial<MachineDisk> = {},
) {
  const domainDisk: DomainDisk = {
    target,
    device: 'disk',
    bus: 'virtio',
    sourceKind: 'file',
    source: `/images/${target}.qcow2`,
    format: 'qcow2',
    readOnly: false,
    shareable: false,
    transient: false,
    serial: null,
    alias: null,
    chain: [],
    ...change,
  };
  return {
    disk: domainDisk,
    sizeBytes: 10 * gib,
    qcowVersion: 3,
    reachesDown: false,
    ...more,
  } satisfies MachineDisk;
}

export function lastPoint(...targets: readonly string[]): LastPointFacts {
  return {
    checkpoint: 'waymark-1',
    checkpointDisks: targets,
    disks: targets.map((target) => ({
      target,
      sizeBytes: 10 * gib,
      source: `/images/${target}.qcow2`,
      format: 'qcow2',
    })),
  };
}

const facts: BackupFacts = {
  libvirtVersion: '9.0.0',
  hasManagedSave: false,
  lostJob: false,
  hostDevices: [],
  imagesReadable: true,
  freeScratchBytes: 100 * gib,
  expectedDirtyBytes: null,
  agent: 'connected',
};

export function input(
  change: Partial<BackupInput> = {},
  facts_: Partial<BackupFacts> = {},
): BackupInput {
  return {
    machine: { name: 'web-01', active: true },
    disks: [disk('vda')],
    lastPoint: lastPoint('vda'),
    health: 'healthy',
    exclude: [],
    reread: false,
    ...change,
    facts: { ...facts, ...facts_ },
  };
}

export const imageOf = (target: string) => ({
  sourceKind: 'file' as const,
  source: `/images/${target}.qcow2`,
  format: 'qcow2',
});
const overlay = { source: '/images/vda.over', chain: [imageOf('vda')] };
export const overlaid = disk('vda', overlay, { reachesDown: true });

export const off = { name: 'web-01', active: false };
