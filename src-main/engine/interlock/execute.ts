/**
 * Does one action of a step. Every one looks first whether its effect is there already, so doing it
 * again after a crash is harmless. What libvirt keeps of machines and snapshots is changed here,
 * checkpoints in execute-checkpoints.ts, images in execute-images.ts.
 */
import { AppError } from '#contract/errors.ts';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import { snapshotCreateFlag } from '#engine/hypervisor/snapshot-flags.ts';
import { attribute, child, parseXml } from '#engine/hypervisor/xml.ts';
import type { World } from '#engine/world/world.ts';
import { executeOnCheckpoint } from './execute-checkpoints.ts';
import { executeOnImages, pathExists } from './execute-images.ts';
import { isMadeFrom } from './made-snapshot.ts';
import { restoreMemory } from './restore-memory.ts';
import type { StepAction } from './steps.ts';
import { untilLetGo } from './until-let-go.ts';

export interface ExecuteParts {
  readonly world: World;
  /** A connection of this job's own: libvirt serves only five calls at a time on one. */
  readonly hypervisor: Hypervisor;
  readonly uuid: string;
  /** Screens kept with snapshots. Failing to keep one must not fail a plan. */
  readonly pictures: {
    keep(snapshot: string): Promise<void>;
    drop(snapshot: string): Promise<void>;
  };
  readonly reverts: {
    note(to: string, kept: string | null): void;
    forget(kept: string): void;
    /** Of reverts that kept nothing, from that moment on; UTC milliseconds. */
    unnote(to: string, since: number): void;
  };
  /** Something is not as the plan says although the step counts as done: a person is told. */
  problem(text: string): void;
  /** Ends the backup job of ours that exports into this folder; none is fine. */
  endJob(workFolder: string): Promise<void>;
}

export interface StepParts extends ExecuteParts {
  /** When the step that is done or taken back was begun, each time it was; UTC milliseconds. */
  readonly begun: readonly number[];
}

/** @throws AppError as libvirt, qemu-img and files say it; the step is then not done. */
export async function execute(parts: StepParts, action: StepAction): Promise<void> {
  switch (action.do) {
    case 'start':
    case 'stop':
    case 'resume':
    case 'pause':
    case 'define':
    case 'drop-managed-save':
    case 'restore-memory':
      return executeOnMachine(parts, action);
    case 'create-snapshot':
    case 'record-snapshot':
    case 'make-current':
    case 'delete-snapshot':
    case 'revert-snapshot':
      return executeOnSnapshot(parts, action);
    case 'create-checkpoint':
    case 'record-checkpoint':
    case 'delete-checkpoint':
      return executeOnCheckpoint(parts, action);
    case 'keep-picture':
      return parts.pictures.keep(action.snapshot);
    case 'drop-picture':
      return parts.pictures.drop(action.snapshot);
    case 'note-revert':
      parts.reverts.note(action.to, action.kept);
      return;
    case 'forget-revert':
      parts.reverts.forget(action.kept);
      return;
    case 'unnote-revert':
      parts.reverts.unnote(action.to, Math.min(...parts.begun));
      return;
    case 'end-job':
      return parts.endJob(action.workFolder);
    default:
      return executeOnImages(parts, action);
  }
}

type MachineStep = Extract<
  StepAction,
  {
    do: 'start' | 'stop' | 'resume' | 'pause' | 'define' | 'drop-managed-save' | 'restore-memory';
  }
>;

async function executeOnMachine(parts: ExecuteParts, action: MachineStep): Promise<void> {
  const { hypervisor, uuid } = parts;
  const { state } = await hypervisor.state(uuid);
  const active = state !== 'off' && state !== 'crashed';
  switch (action.do) {
    case 'start':
      if (active) return;
      await untilLetGo(parts);
      await hypervisor.start(uuid, { paused: action.paused });
      return;
    case 'stop':
      if (action.onlyPaused === true ? state === 'paused' : active) await hypervisor.destroy(uuid);
      return;
    case 'resume':
      if (state === 'paused') await hypervisor.resume(uuid);
      return;
    case 'pause':
      if (state === 'running') await hypervisor.suspend(uuid);
      return;
    case 'define':
      await hypervisor.define(action.xml);
      return;
    case 'drop-managed-save':
      return hypervisor.removeManagedSave(uuid);
    case 'restore-memory':
      return restoreMemory(parts, action);
  }
}

type SnapshotStep = Extract<
  StepAction,
  {
    do:
      | 'create-snapshot'
      | 'record-snapshot'
      | 'make-current'
      | 'delete-snapshot'
      | 'revert-snapshot';
  }
>;

/** Of a machine that went off since, libvirt would take the disks alone and say all is well. */
async function refuseWithoutMemory({ hypervisor, uuid }: ExecuteParts, xml: string): Promise<void> {
  const memory = attribute(child(parseXml(xml, 'domainsnapshot'), 'memory'), 'snapshot');
  if (memory === null || memory === 'no') return;
  const { state } = await hypervisor.state(uuid);
  if (state !== 'off' && state !== 'crashed') return;
  throw new AppError('machine-stopped', 'The machine is off, so its memory cannot be kept.', {
    unharmed: 'Nothing was taken, and its disks are as they are.',
    advice: 'Undo this change, or start the machine and finish it then.',
  });
}

async function executeOnSnapshot(parts: StepParts, action: SnapshotStep): Promise<void> {
  const { hypervisor, uuid } = parts;
  const { redefine, current } = snapshotCreateFlag;
  const known = async () => (await hypervisor.momentNames(uuid)).snapshots.includes(action.name);
  switch (action.do) {
    case 'create-snapshot':
      if (await known()) return refuseForeign(parts, action);
      await refuseTaken(parts.world, action.makes);
      await refuseWithoutMemory(parts, action.xml);
      await untilLetGo(parts);
      return hypervisor.createSnapshot(uuid, action.xml, action.flags);
    case 'record-snapshot':
      return hypervisor.createSnapshot(uuid, action.xml, redefine | (action.current ? current : 0));
    case 'make-current': {
      const { snapshots, currentSnapshot } = await hypervisor.momentNames(uuid);
      // One that was never taken, or was taken back already, is not there.
      if (!snapshots.includes(action.name) || currentSnapshot === action.name) return;
      const xml = await hypervisor.snapshotXml(uuid, action.name);
      return hypervisor.createSnapshot(uuid, xml, redefine | current);
    }
    case 'delete-snapshot':
      if (!(await known())) return;
      if (await isForeign(parts, action)) return;
      await untilLetGo(parts);
      return hypervisor.deleteSnapshot(uuid, action.name, action.flags);
    case 'revert-snapshot':
      if (action.unlessCurrent === true) {
        const { currentSnapshot } = await hypervisor.momentNames(uuid);
        if (currentSnapshot === action.name) return;
      }
      await untilLetGo(parts);
      return hypervisor.revertSnapshot(uuid, action.name, action.flags);
  }
}

/** What another program took meanwhile is not what the step was to make. */
async function refuseForeign(
  { hypervisor, uuid, begun }: StepParts,
  { name, xml }: Extract<StepAction, { do: 'create-snapshot' }>,
): Promise<void> {
  if (await isMadeFrom(hypervisor, uuid, name, xml, begun)) return;
  throw new AppError('name-taken', `Another program made a snapshot named ${name} meanwhile.`, {
    name,
    unharmed: 'It was not touched, and none was taken.',
    advice: 'Undo this change, then take one with another name.',
  });
}

async function isForeign(
  parts: StepParts,
  { name, madeFrom }: Extract<StepAction, { do: 'delete-snapshot' }>,
): Promise<boolean> {
  const { hypervisor, uuid, begun } = parts;
  if (madeFrom === undefined || (await isMadeFrom(hypervisor, uuid, name, madeFrom, begun)))
    return false;
  parts.problem(`Another program made the snapshot ${name} meanwhile, so it stays.`);
  return true;
}

/** libvirt writes a memory file over whatever is there: it could be another machine's. */
async function refuseTaken({ files }: World, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const stat = await files.stat(path).catch(() => null); // a folder we may not look into
    if (stat !== null) throw pathExists(path);
  }
}
