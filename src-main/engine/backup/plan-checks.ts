/** The lines of a backup's pre-flight that do not forbid it. Pure; the words are for a person. */
import type { Check, ReReadReason, SkipReason } from '#contract/domain.ts';
import { scratchNeeded } from './plan-blockers.ts';
import type { BackupInput, DiskDecision, MachineDisk, Route } from './plan.ts';

export function checksOf(
  input: BackupInput,
  route: Route,
  disks: readonly DiskDecision[],
): readonly Check[] {
  return [
    readingCheck(input, disks),
    ...notTrackableChecks(input, disks),
    ...skippedChecks(disks),
    routeCheck(input, route),
    consistencyCheck(input, route),
    ...scratchChecks(input, route, disks),
  ];
}

const lost: readonly ReReadReason[] = ['reference-lost', 'resized'];

function readingCheck(input: BackupInput, disks: readonly DiskDecision[]): Check {
  const because = (...reasons: readonly ReReadReason[]) =>
    disks.filter((disk) => disk.mode === 're-read' && reasons.includes(disk.reason));
  const names = (some: readonly DiskDecision[]) => some.map(({ target }) => target).join(', ');
  const broken = because(...lost);
  if (broken.length > 0) {
    return {
      id: 'reference',
      level: 'warning',
      title: `Read again from the start: ${names(broken)}`,
      detail:
        'What changed since the last restore point is not known: its checkpoint is missing or ' +
        'broken, or the disk was resized or exchanged. All of it is read; only what differs is ' +
        'stored.',
    };
  }
  const changed = disks.filter(({ mode }) => mode === 'changed-only');
  if (changed.length > 0) {
    const sure = input.health === 'healthy';
    return {
      id: 'reference',
      level: sure ? 'ok' : 'unknown',
      title: 'Only what changed is read',
      detail: sure
        ? `The checkpoint of the last restore point is healthy: ${names(changed)}.`
        : 'Whether the checkpoint of the last restore point is healthy shows when the backup ' +
          'begins. If it is not, everything is read and only what differs is stored.',
    };
  }
  const first = input.lastPoint === null;
  return {
    id: 'reference',
    level: 'ok',
    title: first ? 'First backup to this repository' : 'Everything is read',
    detail: first
      ? 'All used blocks are read. The next backup reads only what changed.'
      : 'All used blocks are read; only what differs is stored.',
  };
}

function notTrackableChecks(input: BackupInput, disks: readonly DiskDecision[]): readonly Check[] {
  return disks
    .filter((disk) => disk.mode === 're-read' && disk.reason === 'not-trackable')
    .map(({ target }) => ({
      id: `not-trackable-${target}`,
      level: 'warning' as const,
      title: `${target} is read whole each time`,
      detail: notTrackableWords(input.disks.find(({ disk }) => disk.target === target)),
    }));
}

function notTrackableWords(disk: MachineDisk | undefined): string {
  if (disk?.disk.transient === true) {
    return 'A transient disk forgets its changes when the machine stops, and with them the marks.';
  }
  if (disk?.disk.format === 'qcow2') {
    return (
      'Its image is a qcow2 of version 2, which cannot remember what changed. With the machine ' +
      `off: qemu-img amend -o compat=1.1 ${disk.disk.source ?? 'IMAGE'}`
    );
  }
  return (
    `An image of the format ${disk?.disk.format ?? 'raw'} cannot remember what changed. Convert ` +
    'it to qcow2, or put a qcow2 overlay on it, to read only changes.'
  );
}

const skipWords: Readonly<Record<SkipReason, string>> = {
  cdrom: 'is a CD-ROM',
  floppy: 'is a floppy',
  excluded: 'was excluded',
  shared: 'is shared with other machines',
  'read-only': 'is read-only',
  passthrough: 'is a device of the host handed through',
  network: 'is on the network, not on this host',
  empty: 'is empty',
};
/** Nobody expects these in a backup, so they are no reason for a second look. */
const unremarkable: readonly SkipReason[] = ['cdrom', 'floppy', 'empty', 'excluded'];

function skippedChecks(disks: readonly DiskDecision[]): readonly Check[] {
  return disks
    .filter((disk) => disk.mode === 'skip')
    .map(({ target, reason }) => ({
      id: `skipped-${target}`,
      level: unremarkable.includes(reason) ? ('ok' as const) : ('warning' as const),
      title: `${target} is not part of the backup`,
      detail: `${target} ${skipWords[reason]}.`,
    }));
}

function routeCheck({ machine }: BackupInput, route: Route): Check {
  const words: Readonly<Record<Route, readonly [string, string]>> = {
    running: ['Backed up while it runs', 'The machine keeps running and is not slowed to a stop.'],
    'closed-image': ['Read from its closed images', `${machine.name} is off and stays off.`],
    'paused-start': [
      'Started paused for the time of the backup',
      `The images of ${machine.name} cannot be read from here, so it is started without ` +
        'executing anything, read, and switched off again.',
    ],
  };
  const [title, detail] = words[route];
  return { id: 'route', level: 'ok', title, detail };
}

function consistencyCheck({ facts }: BackupInput, route: Route): Check {
  const id = 'consistency';
  if (route !== 'running') {
    return facts.hasManagedSave
      ? {
          id,
          level: 'warning',
          title: 'As after a power cut',
          detail:
            'The machine was saved with its memory. The memory is no part of a restore point, so ' +
            'a restored machine starts as after a power cut.',
        }
      : { id, level: 'ok', title: 'Switched off', detail: 'The disks do not change.' };
  }
  if (facts.agent === 'connected') {
    return {
      id,
      level: 'ok',
      title: 'File systems are consistent',
      detail: 'The guest agent freezes them for a moment when the backup begins.',
    };
  }
  return {
    id,
    level: 'warning',
    title: 'As after a power cut',
    detail:
      facts.agent === 'silent'
        ? 'The guest agent does not answer, so file systems are not frozen.'
        : 'No guest agent is set up in this machine, so file systems are not frozen.',
  };
}

function scratchChecks(
  input: BackupInput,
  route: Route,
  disks: readonly DiskDecision[],
): readonly Check[] {
  const needed = scratchNeeded(input, route, disks);
  const free = input.facts.freeScratchBytes;
  if (needed === 0 || (free !== null && free < needed)) return []; // none, or a blocker says it
  return [
    free === null
      ? {
          id: 'scratch-space',
          level: 'unknown',
          title: 'Scratch space was not checked',
          detail: 'The free space is watched while the backup runs.',
        }
      : {
          id: 'scratch-space',
          level: 'ok',
          title: 'Enough scratch space',
          detail: 'There is room for what the machine may change while it is backed up.',
        },
  ];
}
