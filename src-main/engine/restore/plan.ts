/**
 * Decides, as a value and before anything is written, whether a restore may start and what it will
 * do. The wizard shows this very value; the command line refuses with it.
 */
import type { Check, DefinitionChange } from '#contract/domain.ts';

export interface RestoreFacts {
  readonly pointDamaged: boolean;
  readonly verified: boolean;
  /** Bytes that will be written. */
  readonly writeBytes: number;
  /** The folder that gets the files, or the pool's path. */
  readonly folder: string;
  readonly folderExists: boolean;
  readonly folderWritable: boolean;
  readonly freeBytes: number | null;
  /** Of the paths to be written, those where something is already. */
  readonly existingPaths: readonly string[];
  /** Only for a new machine. */
  readonly machine: {
    readonly name: string;
    readonly nameTaken: boolean;
    readonly qemuReachesFolder: boolean;
    readonly qemuUser: string;
    readonly changes: readonly DefinitionChange[];
    readonly network: 'disconnected' | 'connected';
    readonly missingParts: readonly string[];
  } | null;
}

/** Bytes kept free beyond what is written: file-system metadata and qcow2 tables. */
export const spareShare = 0.02;

/** Every check of a restore, the ones that forbid it first. */
export function restoreChecks(facts: RestoreFacts): readonly Check[] {
  const checks = [
    pointCheck(facts),
    folderCheck(facts),
    spaceCheck(facts),
    existingCheck(facts),
    ...machineChecks(facts),
  ];
  const order = { blocker: 0, warning: 1, unknown: 2, ok: 3 } as const;
  return checks.sort((a, b) => order[a.level] - order[b.level]);
}

function check(id: string, level: Check['level'], title: string, detail: string): Check {
  return { id, level, title, detail };
}

function pointCheck({ pointDamaged, verified }: RestoreFacts): Check {
  if (pointDamaged) {
    return {
      ...check(
        'point',
        'warning',
        'A part of this point is damaged',
        'Blocks that cannot be read stop the restore of their disk. Another point may be complete.',
      ),
      accept: 'Try it all the same',
    };
  }
  return verified
    ? check('point', 'ok', 'The point is complete', 'It was verified.')
    : check('point', 'ok', 'The point is complete', 'Each block is checked while it is read.');
}

function folderCheck({ folder, folderExists, folderWritable }: RestoreFacts): Check {
  if (folderExists && !folderWritable) {
    return check(
      'folder',
      'blocker',
      `Waymark may not write to ${folder}`,
      'Choose another folder.',
    );
  }
  if (!folderWritable) {
    return check('folder', 'blocker', `There is no folder ${folder}`, 'Choose one that exists.');
  }
  return check('folder', 'ok', 'The folder can be used', folder);
}

function spaceCheck({ freeBytes, writeBytes, folder }: RestoreFacts): Check {
  const needed = Math.ceil(writeBytes * (1 + spareShare));
  if (freeBytes === null) {
    return check('space', 'unknown', 'Free space is not known', `${needed} bytes are needed.`);
  }
  if (freeBytes < needed) {
    return check(
      'space',
      'blocker',
      `Not enough space in ${folder}`,
      `${gib(needed)} are needed, ${gib(freeBytes)} are free.`,
    );
  }
  return check('space', 'ok', 'Space', `Needs ${gib(needed)}, ${gib(freeBytes)} free.`);
}

function existingCheck({ existingPaths }: RestoreFacts): Check {
  const [first] = existingPaths;
  if (first !== undefined) {
    return check(
      'existing',
      'blocker',
      'There is already something with that name',
      `${first} would not be replaced. Choose another name or folder.`,
    );
  }
  return check('existing', 'ok', 'Nothing is overwritten', 'Only new files are made.');
}

function machineChecks({ machine }: RestoreFacts): readonly Check[] {
  if (machine === null) return [];
  const checks: Check[] = [];
  checks.push(
    machine.nameTaken
      ? check(
          'name',
          'blocker',
          `A machine is already called ${machine.name}`,
          'It is not touched. Choose another name.',
        )
      : check('name', 'ok', `The name ${machine.name} is free`, 'It gets a new identity.'),
  );
  if (!machine.qemuReachesFolder) {
    checks.push(
      check(
        'reach',
        'blocker',
        'The machine could not open its disks there',
        `QEMU runs as ${machine.qemuUser}, which may not enter this folder. Choose another one.`,
      ),
    );
  }
  const leftOut = machine.changes.filter(({ kind }) => kind === 'kept-out');
  if (leftOut.length > 0) {
    checks.push({
      ...check(
        'left-out',
        'warning',
        leftOut.length === 1 ? 'One device stays behind' : `${leftOut.length} devices stay behind`,
        leftOut.map(({ what }) => what).join(', '),
      ),
      accept: 'Restore without',
    });
  }
  if (machine.missingParts.length > 0) {
    checks.push({
      ...check(
        'parts',
        'warning',
        'Not everything comes back',
        `Without: ${machine.missingParts.join(', ')}. The machine may ask for its recovery key.`,
      ),
      accept: 'Restore without',
    });
  }
  if (machine.network === 'connected') {
    checks.push({
      ...check(
        'network',
        'warning',
        'Two copies on one network',
        'Both would answer to the same host name.',
      ),
      accept: 'Connect it all the same',
    });
  }
  return checks;
}

function gib(bytes: number): string {
  return bytes < 1024 ** 3
    ? `${(bytes / 1024 ** 2).toFixed(1)} MiB`
    : `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}
