/** What forbids a backup, each as the error it would be refused with. Pure. */
import { AppError } from '#contract/errors.ts';
import { lostJobAdvice } from '#engine/hypervisor/lost-job.ts';
import type { BackupInput, DiskDecision, Route } from './plan.ts';

export interface Blocker {
  readonly id: string;
  readonly title: string;
  readonly error: AppError;
}

/** First libvirt that can tell a broken checkpoint from a healthy one (REDEFINE_VALIDATE). */
const minLibvirtVersion = '6.10.0';
/** Scratch space asked for at least, where the disks are larger than that; bytes. */
const minScratchBytes = 256 * 1024 * 1024;
/** Part of the disks' size a guest is expected to change during a backup when nobody measured. */
const unknownDirtyShare = 0.05;

/**
 * Bytes that must be free for the scratch files: QEMU fails the guest's own writes when they cannot
 * grow. A machine that executes nothing needs none.
 */
export function scratchNeeded(
  input: BackupInput,
  route: Route,
  disks: readonly DiskDecision[],
): number {
  if (route !== 'running') return 0;
  const read = new Set(disks.filter(({ mode }) => mode !== 'skip').map(({ target }) => target));
  const total = input.disks
    .filter(({ disk }) => read.has(disk.target))
    .reduce((sum, { sizeBytes }) => sum + (sizeBytes ?? 0), 0);
  const expected = input.facts.expectedDirtyBytes ?? Math.ceil(total * unknownDirtyShare);
  return Math.min(total, Math.max(minScratchBytes, expected));
}

/** The most important first. */
export function blockersOf(
  input: BackupInput,
  route: Route,
  disks: readonly DiskDecision[],
): readonly Blocker[] {
  return [
    unknownExclude(input),
    noDisks(input, disks),
    lostJob(input),
    ...(route === 'closed-image' ? [] : [oldLibvirt(input)]),
    ...(route === 'paused-start' ? [managedSave(input), hostDevices(input)] : []),
    scratch(input, route, disks),
  ].filter((blocker) => blocker !== null);
}

const unharmed = 'Nothing was started or changed.';

function unknownExclude({ disks, exclude, machine }: BackupInput): Blocker | null {
  const known = disks.map(({ disk }) => disk.target);
  const unknown = exclude.filter((target) => !known.includes(target));
  if (unknown.length === 0) return null;
  return {
    id: 'exclude',
    title: 'A disk to exclude does not exist',
    error: new AppError('invalid-input', `${machine.name} has no disk ${unknown.join(', ')}.`, {
      targets: unknown,
      disks: known,
      unharmed,
      advice: `Its disks are ${known.join(', ')}.`,
    }),
  };
}

function noDisks({ machine, disks: all }: BackupInput, disks: readonly DiskDecision[]) {
  if (disks.some(({ mode }) => mode !== 'skip')) return null;
  const skipped = disks.map((disk) =>
    disk.mode === 'skip' ? { target: disk.target, reason: disk.reason } : { target: disk.target },
  );
  const why = all.length === 0 ? 'it has no disks' : 'every disk is skipped';
  return {
    id: 'no-disks',
    title: 'There is nothing to back up',
    error: new AppError('machine-has-no-disks', `${machine.name} cannot be backed up: ${why}.`, {
      skipped,
      unharmed,
      advice: 'Exclude fewer disks; CD-ROMs, shared and read-only disks are never part of a point.',
    }),
  };
}

function lostJob({ machine, facts }: BackupInput): Blocker | null {
  if (!facts.lostJob) return null;
  return {
    id: 'lost-job',
    title: 'libvirt lost track of an earlier backup',
    error: new AppError(
      'machine-busy',
      `libvirt was restarted while a backup of ${machine.name} began, and holds that job for good.`,
      { unharmed: `${machine.name} runs on and its disks are fine.`, advice: lostJobAdvice },
    ),
  };
}

function oldLibvirt({ facts }: BackupInput): Blocker | null {
  if (!isOlder(facts.libvirtVersion, minLibvirtVersion)) return null;
  return {
    id: 'libvirt-version',
    title: 'libvirt is too old',
    error: new AppError(
      'unsupported',
      `libvirt ${facts.libvirtVersion} cannot back up a machine that keeps running.`,
      {
        found: facts.libvirtVersion,
        needed: minLibvirtVersion,
        unharmed,
        advice: `Update libvirt to ${minLibvirtVersion} or newer.`,
      },
    ),
  };
}

function managedSave({ machine, facts }: BackupInput): Blocker | null {
  if (!facts.hasManagedSave) return null;
  return {
    id: 'managed-save',
    title: 'The machine has a saved state',
    error: new AppError(
      'managed-save-present',
      `${machine.name} is off with its memory saved, and its images cannot be read from here. ` +
        'Starting it to read them would use that saved memory up.',
      {
        unharmed,
        advice: 'Start the machine and back it up while it runs, or shut it down inside first.',
      },
    ),
  };
}

function hostDevices({ machine, facts }: BackupInput): Blocker | null {
  if (facts.hostDevices.length === 0) return null;
  return {
    id: 'host-devices',
    title: 'The machine uses devices of the host',
    error: new AppError(
      'host-devices-present',
      `${machine.name} is off and its images cannot be read from here. Starting it to read them ` +
        `would take devices from the host: ${facts.hostDevices.join(', ')}.`,
      {
        devices: facts.hostDevices,
        unharmed,
        advice: 'Back it up while it runs.',
      },
    ),
  };
}

function scratch(input: BackupInput, route: Route, disks: readonly DiskDecision[]): Blocker | null {
  const free = input.facts.freeScratchBytes;
  const needed = scratchNeeded(input, route, disks);
  if (free === null || free >= needed) return null;
  return {
    id: 'scratch-space',
    title: 'Not enough scratch space',
    error: new AppError(
      'no-space',
      'There is too little free space for what the machine may change while it is backed up. ' +
        'If that space ran out, the machine’s own writes would fail.',
      {
        where: 'scratch',
        freeBytes: free,
        neededBytes: needed,
        unharmed,
        advice: 'Free some space on the file system of the scratch folder.',
      },
    ),
  };
}

/** Whether version a is older than b; "9.0.0" style, missing parts are 0. */
function isOlder(a: string, b: string): boolean {
  const parts = (version: string) => version.split('.').map((part) => Number.parseInt(part, 10));
  const [left, right] = [parts(a), parts(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
