/** The pretend machine, whole and running, its images and checkpoints as a test wants them. */
import { describeOwner } from '#engine/hypervisor/checkpoint-owner.ts';
import { domainCheckpointXml } from '#engine/hypervisor/checkpoint-xml.ts';
import type {
  CheckpointFacts,
  DiskFacts,
  ImageFacts,
  MachineFacts,
  SnapshotFacts,
} from '#engine/interlock/facts.ts';
import { machineFacts, mib } from '../../../fakes/machine-facts.ts';
import { pretendWorld } from '../../../fakes/pretend-world.ts';

export const installation = '01INSTALLATION0000000000AA';
export const at = Date.UTC(2026, 10, 25, 20, 41);

export function image(path: string, replace: Partial<ImageFacts> = {}): ImageFacts {
  return {
    path,
    format: 'qcow2',
    sizeBytes: 64 * mib,
    usedBytes: 8 * mib,
    mode: 0o600,
    exists: true,
    writable: true,
    snapshots: [],
    bitmaps: [],
    oldFormat: false,
    ...replace,
  };
}

export function withBitmaps(...names: readonly string[]): Pick<ImageFacts, 'bitmaps'> {
  return { bitmaps: names.map((name) => ({ name, broken: false })) };
}

export function disk(target: string, chain: readonly ImageFacts[]): DiskFacts {
  return { target, leftOut: null, chain, freeBytes: 1024 * mib };
}

export function leftOut(target: string, why: NonNullable<DiskFacts['leftOut']>): DiskFacts {
  return { target, leftOut: why, chain: [], freeBytes: null };
}

interface CheckpointSpec extends Partial<Omit<CheckpointFacts, 'xml' | 'name' | 'disks'>> {
  /** Repository id in its description; null for one made by hand. */
  readonly of?: string | null;
  readonly disks?: readonly (Partial<CheckpointFacts['disks'][number]> & { target: string })[];
}

export function checkpoint(name: string, spec: CheckpointSpec = {}): CheckpointFacts {
  const { of = 'repo-1', disks = [{ target: 'vda' }], ...replace } = spec;
  const owner = replace.owner ?? 'ours';
  const by = owner === 'ours' ? installation : '01ANOTHER00000000000000000';
  const description =
    owner === 'foreign' ? '' : describeOwner({ installation: by, repository: of });
  return {
    name,
    parent: null,
    time: at - 60_000,
    owner,
    repository: owner === 'foreign' || of === null ? null : 'attic',
    reference: false,
    disks: disks.map((one) => ({ bitmap: name, health: 'healthy' as const, ...one })),
    xml: domainCheckpointXml({
      name,
      description,
      creationTime: at - 60_000,
      disks: disks.map(({ target, bitmap = name }) => ({ target, checkpoint: true, bitmap })),
    }),
    ...replace,
  };
}

export function snapshot(
  name: string,
  replace: Partial<Omit<SnapshotFacts, 'record'>> = {},
  record: Partial<SnapshotFacts['record']> = {},
): SnapshotFacts {
  return {
    record: {
      name,
      description: '',
      time: at - 3_600_000,
      parent: null,
      current: false,
      machineState: 'running',
      memory: 'no',
      memoryFile: null,
      disks: [],
      hasMetadata: true,
      domain: null,
      inactiveDomain: null,
      xml: '',
      ...record,
    },
    xml: '',
    storage: 'external',
    undoPoint: false,
    frozen: [],
    memoryFile: null,
    ...replace,
  };
}

export function machine(replace: Partial<MachineFacts> = {}): MachineFacts {
  const disks = [disk('vda', [image('/images/vda.qcow2')])];
  return machineFacts(pretendWorld(), { at, disks, ...replace });
}
