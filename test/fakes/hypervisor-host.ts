/** What the parts of the pretend libvirt host share. */
import type { MachineState } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { ImageRef } from '#engine/hypervisor/domain-xml.ts';
import type {
  BlockJobInfo,
  CheckpointRecord,
  GuestBytes,
  HypervisorEvent,
  JobStats,
  LifecycleKind,
  SnapshotRecord,
} from '#engine/hypervisor/hypervisor.ts';

export interface FakeMachine {
  uuid: string;
  xml: string;
  state: MachineState;
  /** Of that state: virDomain…Reason. */
  reason: number;
  persistent: boolean;
  managedSave: boolean;
  agent: boolean;
  checkpoints: CheckpointRecord[];
  /** Names of checkpoints whose bitmap cannot be used any more. */
  broken: Set<string>;
  snapshots: SnapshotRecord[];
  /** By disk target: the images below its own, nearest first. */
  chains: Map<string, readonly ImageRef[]>;
  /** By disk target; `base` is the place in its chain that an active commit goes into. */
  blockJobs: Map<string, BlockJobInfo & { readonly base: number }>;
  job: { readonly xml: string; readonly stats: JobStats } | null;
  /** Sizes by disk target; 16 MiB for any other. */
  sizes: Map<string, number>;
  picture: Buffer | null;
  guestBytes: GuestBytes;
}

export const defaultDiskBytes = 16 * 1024 * 1024;

/** An error as libvirt gives it, with its number. */
export function libvirtFailure(code: number, message: string): AppError {
  const codes: Record<number, 'machine-not-found' | 'machine-busy' | 'checkpoint-inconsistent'> = {
    42: 'machine-not-found',
    68: 'machine-busy',
    109: 'checkpoint-inconsistent',
  };
  return new AppError(codes[code] ?? 'libvirt-error', message, { code, domain: 10, level: 2 });
}

export interface FakeHost {
  readonly machines: Map<string, FakeMachine>;
  /** Saved memory, by path. */
  readonly memoryFiles: Map<string, { readonly uuid: string; readonly xml: string }>;
  readonly now: () => number;
  find(uuid: string): FakeMachine;
  emit(event: HypervisorEvent): void;
  lifecycle(uuid: string, event: LifecycleKind): void;
}

export function mustRun(machine: FakeMachine): void {
  if (machine.state === 'off') throw libvirtFailure(55, 'domain is not running');
}
