/**
 * How the stories of invented machines begin, one a machine: `nextcloud` has three snapshots,
 * `debian-dev` went back once and kept where it was, `gitea` can undo a revert of today,
 * `home-assistant` reverted without keeping, `jenkins` has a long external chain with a broken and
 * a half deleted snapshot.
 */
import type { JobId, Machine } from '#contract/domain.ts';
import type { Checkpoint, Revert, Snapshot, SnapshotStorage, Timeline } from '#contract/moments.ts';
import { day, gib, hour, mib, vault } from './demo-machines.ts';
import { demoCheckpoints } from './demo-points.ts';

/** How the story of a machine begins; null checkpoints: as its newest restore point has it. */
export interface Beginning extends Pick<Timeline, 'snapshots' | 'reverts' | 'chainWarning'> {
  readonly checkpoints: readonly Checkpoint[] | null;
}

const nothing: Beginning = { snapshots: [], reverts: [], chainWarning: null, checkpoints: null };

type Spec = Partial<Snapshot> & Pick<Snapshot, 'name' | 'time'>;

function imageOf(machine: Machine, target: string, storage: SnapshotStorage, name: string) {
  const source = machine.disks.find((disk) => disk.target === target)?.source ?? null;
  if (source === null || storage === 'internal') return source;
  return source.replace(/(\.\w+)?$/, `.${name}`);
}

function snapshot(machine: Machine, spec: Spec): Snapshot {
  const kind = spec.kind ?? 'internal';
  const targets = machine.disks
    .filter((disk) => disk.tracking.kind === 'trackable')
    .map((disk) => disk.target);
  const memory = spec.memory ?? false;
  return {
    description: '',
    parent: null,
    current: false,
    machineState: memory ? 'running' : 'off',
    kind,
    memory,
    disks: targets,
    details: targets.map((target, index) => {
      const storage = kind === 'mixed' ? (index === 0 ? 'internal' : 'external') : kind;
      return { target, storage, image: imageOf(machine, target, storage, spec.name) };
    }),
    memoryBytes: memory ? Math.round(1.1 * gib) + spec.name.length * 7 * mib : null,
    picture: memory,
    undoPoint: false,
    broken: null,
    deleting: false,
    ...spec,
  };
}

/** What a person can go back to, plainly. */
function upgrade(machine: Machine, now: number): Partial<Beginning> {
  const specs: readonly Spec[] = [
    {
      ...{ name: 'before-upgrade', description: 'Before 31 → 32', time: now - 12 * day },
      memory: true,
    },
    {
      ...{ name: 'upgrade-failed', time: now - 11 * day, parent: 'before-upgrade' },
      machineState: 'running',
    },
    {
      ...{ name: 'clean-32', time: now - 6 * day, parent: 'before-upgrade' },
      ...{ current: true, memory: true },
    },
  ];
  return { snapshots: specs.map((spec) => snapshot(machine, spec)) };
}

function debian(machine: Machine, now: number): Partial<Beginning> {
  const specs: readonly Spec[] = [
    { name: 'fresh-install', time: now - 24 * day },
    {
      ...{ name: 'before-trixie', time: now - 12 * day, parent: 'fresh-install' },
      ...{ memory: true, description: 'Before Debian 13' },
    },
    {
      ...{ name: 'trixie-first-try', time: now - 11 * day, parent: 'before-trixie' },
      machineState: 'running',
    },
    {
      ...{ name: 'waymark-kept-1', time: now - 7.5 * day, parent: 'trixie-first-try' },
      ...{ memory: true, undoPoint: true },
    },
    {
      ...{ name: 'trixie-clean', time: now - 5 * day, parent: 'before-trixie' },
      ...{ current: true, memory: true },
    },
  ];
  const revert: Revert = {
    job: 'job-revert-debian' as JobId,
    time: now - 7.5 * day + 60_000,
    to: 'before-trixie',
    kept: null,
    lostSince: null,
  };
  return {
    snapshots: specs.map((spec) => snapshot(machine, spec)),
    reverts: [{ ...revert, kept: 'waymark-kept-1' }],
    checkpoints: twoRepositories(machine, now),
  };
}

/** Two repositories measure changes, and another program does too. */
function twoRepositories(machine: Machine, now: number): readonly Checkpoint[] {
  const newest = demoCheckpoints(machine)[0];
  if (newest === undefined) return [];
  const time = newest.time - 4 * day;
  const older = { ...newest, name: `waymark-${machine.name}-4`, time, repository: vault };
  const foreign: Checkpoint = {
    ...{ name: 'nightly-tool', time: now - 16 * day, parent: null, owner: 'foreign' },
    ...{ repository: null, role: 'foreign', disks: ['vda'] },
  };
  return [foreign, older, { ...newest, parent: older.name }];
}

function gitea(machine: Machine, now: number): Partial<Beginning> {
  const revert: Revert = {
    job: 'job-revert-gitea' as JobId,
    time: now - 2 * hour,
    to: 'before-runner',
    kept: 'waymark-kept-2',
    lostSince: null,
  };
  return {
    snapshots: [
      { name: 'fresh-install', time: now - 26 * day },
      {
        ...{ name: 'before-runner', time: now - 3 * day, parent: 'fresh-install' },
        ...{ memory: true, current: true },
      },
      {
        ...{ name: 'waymark-kept-2', time: now - 2 * hour - 60_000, parent: 'before-runner' },
        ...{ memory: true, undoPoint: true },
      },
    ].map((spec) => snapshot(machine, spec)),
    reverts: [revert],
  };
}

function homeAssistant(machine: Machine, now: number): Partial<Beginning> {
  return {
    snapshots: [
      { name: 'before-core-12', time: now - 20 * day, current: true },
      { name: 'with-zigbee', time: now - 16 * day, parent: 'before-core-12' },
    ].map((spec) => snapshot(machine, spec)),
    reverts: [
      {
        job: 'job-revert-home' as JobId,
        time: now - 30 * hour,
        to: 'before-core-12',
        kept: null,
        lostSince: now - 16 * day,
      },
    ],
  };
}

const chainLength = 24;

/** A disk-only snapshot before each plugin: the kind other tools leave behind. */
function jenkins(machine: Machine, now: number): Partial<Beginning> {
  const nameAt = (n: number) => `before-plugin-${n}`;
  const broken = 'The image jenkins-vda.before-plugin-2 is not there any more.';
  const snapshots = Array.from({ length: chainLength }, (_, index) => {
    const n = index + 1;
    return snapshot(machine, {
      ...{ name: nameAt(n), time: now - (chainLength - index + 1) * day, kind: 'external' },
      ...{ machineState: 'running', parent: n === 1 ? null : nameAt(n - 1) },
      ...{ current: n === chainLength, broken: n === 2 ? broken : null, deleting: n === 5 },
    });
  });
  const names = Array.from({ length: 10 }, (_, index) => nameAt(index + 6));
  return {
    snapshots,
    chainWarning: {
      target: 'vda',
      images: chainLength + 1,
      merge: { kind: 'snapshot-delete', names, children: false },
    },
  };
}

function fedora(machine: Machine, now: number): Partial<Beginning> {
  const specs: readonly Spec[] = [
    { name: 'tuesday', time: now - 8 * day, kind: 'mixed', machineState: 'paused', current: true },
  ];
  return { snapshots: specs.map((spec) => snapshot(machine, spec)) };
}

const stories: Readonly<Record<string, (machine: Machine, now: number) => Partial<Beginning>>> = {
  nextcloud: upgrade,
  'win11-tax': upgrade,
  'debian-dev': debian,
  gitea,
  'home-assistant': homeAssistant,
  jenkins,
  'fedora-lab': fedora,
};

/** By the machine's name. */
export function demoBeginning(machine: Machine, now: number): Beginning {
  return { ...nothing, ...stories[machine.name]?.(machine, now) };
}

/** A thousand: of every ten the last three are a branch that was left again. */
export function thousandBeginning(machine: Machine, now: number): Beginning {
  const count = 1000;
  let trunk: string | null = null;
  let previous: string | null = null;
  const snapshots = Array.from({ length: count }, (_, index): Snapshot => {
    const onBranch = index % 10 >= 7;
    const name = `${onBranch ? 'try' : 'step'}-${String(index + 1).padStart(4, '0')}`;
    const parent = onBranch ? previous : trunk;
    previous = name;
    if (!onBranch) trunk = name;
    const time = now - (count - index) * 8 * hour;
    const memory = index % 3 === 0;
    return snapshot(machine, { name, time, parent, memory, current: index === count - 4 });
  });
  return { ...nothing, snapshots };
}
