/** What the pretend engine holds, and the starting states a screen can be shown in. */
import type { AppInfo, PracticeState } from '#contract/app.ts';
import type { Host, Machine, MachineId, Point, Repository, Run } from '#contract/domain.ts';
import type { ErrorCode, WireError } from '#contract/errors.ts';
import type { Unfinished } from '#contract/moments.ts';
import type { Background, Channels } from '#contract/news.ts';
import type { PlanRun, RemovedPoint } from '#contract/plans.ts';
import { attic, demoHosts, demoMachine, gib, here, rows, vault } from './demo-machines.ts';
import { demoRemoved } from './demo-kept.ts';
import { demoBackground, demoChannels } from './demo-news.ts';
import { demoPlans, onePlan, type StoredPlan } from './demo-plan-list.ts';
import { demoPlanRuns } from './demo-plan-runs.ts';
import { demoPoints, demoRuns } from './demo-points.ts';
import { demoUnfinished, thousandSnapshots, type Story } from './demo-story.ts';

/**
 * first-run: nothing yet, libvirt answers; forty: forty machines, for density; cut-off: two changes
 * stopped half way; thousand: nextcloud has a thousand snapshots; two-hundred: as many machines in
 * one plan; no-plans: everything but plans.
 */
export type DemoStateName =
  | 'full'
  | 'cut-off'
  | 'first-run'
  | 'not-installed'
  | 'not-running'
  | 'no-permission'
  | 'unreachable'
  | 'forty'
  | 'two-hundred'
  | 'no-plans'
  | 'thousand';

export interface DemoState {
  hosts: Host[];
  machines: Machine[];
  repositories: Repository[];
  points: Point[];
  runs: Run[];
  practice: PracticeState;
  unfinished: Unfinished[];
  plans: StoredPlan[];
  /** Plans that were removed and can be brought back. */
  removedPlans: StoredPlan[];
  planRuns: PlanRun[];
  removed: RemovedPoint[];
  channels: Channels;
  background: Background;
  readonly stories: Map<MachineId, Story>;
}

const failures = {
  'not-installed': [
    'libvirt-not-installed',
    'libvirt is not installed on this computer.',
    'sudo apt install libvirt-daemon-system qemu-system-x86',
  ],
  'not-running': [
    'libvirt-not-running',
    'libvirt is installed but does not answer.',
    'sudo systemctl start libvirtd',
  ],
  'no-permission': [
    'libvirt-permission',
    'This user may not manage the machines of this computer.',
    'sudo usermod -aG libvirt marek',
  ],
  unreachable: [
    'host-unreachable',
    'The computer rack does not answer.',
    'ssh marek@rack virsh list',
  ],
} as const satisfies Record<string, readonly [ErrorCode, string, string]>;

export function failureOf(name: keyof typeof failures): WireError {
  const [code, message, advice] = failures[name];
  return { code, message, data: { advice, unharmed: 'No machine was touched.' } };
}

function failedHost(name: keyof typeof failures): Host {
  return {
    id: here.id,
    name: name === 'unreachable' ? 'rack' : here.name,
    uri: name === 'unreachable' ? 'qemu+ssh://marek@rack/system' : 'qemu:///system',
    practice: false,
    state: { kind: 'failed', error: failureOf(name), retryAt: null },
    machineCount: 0,
  };
}

export function demoRepository(
  id: Repository['id'],
  name: string,
  path: string,
  change: Partial<Repository> = {},
): Repository {
  return {
    id,
    name,
    path,
    practice: false,
    encrypted: true,
    keyStorage: 'file',
    blockSizeBytes: 65_536,
    state: { kind: 'ready' },
    pointCount: 0,
    machineCount: 0,
    usedBytes: 0,
    logicalBytes: 0,
    freeBytes: 912 * gib,
    lastVerified: null,
    recovery: 'confirmed',
    ...change,
  };
}

function demoRepositories(points: readonly Point[], now: number): Repository[] {
  const counts = (id: Repository['id']) => {
    const held = points.filter((point) => point.repository.id === id);
    return {
      pointCount: held.length,
      machineCount: new Set(held.map((point) => point.machine.uuid)).size,
      logicalBytes: held.reduce((sum, point) => sum + point.sizeBytes, 0),
    };
  };
  return [
    demoRepository(attic.id, attic.name, '/srv/attic/waymark', {
      ...counts(attic.id),
      usedBytes: Math.round(659.4 * gib),
      lastVerified: { time: now - 4 * 86_400_000, depth: 'structure', ok: true },
    }),
    demoRepository(vault.id, vault.name, '/media/marek/usb-vault/waymark', {
      ...counts(vault.id),
      usedBytes: 214 * gib,
      freeBytes: null,
      recovery: 'pending',
      state: {
        kind: 'unavailable',
        error: {
          code: 'repository-unavailable',
          message: 'The folder of usb-vault is not there: its drive is not mounted.',
          data: {
            unharmed: 'Nothing on it was touched.',
            advice: 'Connect the drive; Waymark looks again by itself.',
          },
        },
      },
    }),
  ];
}

/** A fresh state by name, with all times relative to `now`. */
export function demoState(name: DemoStateName, now: number): DemoState {
  const empty: DemoState = {
    hosts: [],
    machines: [],
    repositories: [],
    points: [],
    runs: [],
    practice: { kind: 'absent' },
    unfinished: [],
    plans: [],
    removedPlans: [],
    planRuns: [],
    removed: [],
    channels: demoChannels,
    background: demoBackground(now),
    stories: new Map(),
  };
  if (name === 'first-run') return empty;
  if (name in failures) return { ...empty, hosts: [failedHost(name as keyof typeof failures)] };
  const more = name === 'forty' ? rowsOf(40) : name === 'two-hundred' ? rowsOf(200) : rows;
  const machines = more.map((row, index) => demoMachine(row, index, now));
  const points = machines.flatMap(demoPoints);
  const plans = plansOf(name, machines, now);
  return {
    ...empty,
    hosts: demoHosts(machines),
    machines,
    points,
    repositories: demoRepositories(points, now),
    runs: demoRuns(machines, points),
    plans,
    planRuns: demoPlanRuns(plans, machines, points, now),
    removed: demoRemoved(points, now),
    stories: name === 'thousand' ? thousandSnapshots(machines, now) : new Map(),
    unfinished: name === 'cut-off' ? demoUnfinished(machines, now) : [],
  };
}

function plansOf(name: DemoStateName, machines: readonly Machine[], now: number): StoredPlan[] {
  if (name === 'no-plans') return [];
  return name === 'two-hundred' ? onePlan(now) : demoPlans(machines, now);
}

function rowsOf(length: number): typeof rows {
  return Array.from({ length }, (_, n) => {
    const base = rows[n % rows.length] ?? rows[0];
    if (base === undefined) throw new Error('There are no rows.');
    return n < rows.length
      ? base
      : { ...base, name: `${base.name}-${Math.floor(n / rows.length)}` };
  });
}

export function demoInfo(state: DemoState, front: AppInfo['front']): AppInfo {
  return {
    version: '0.1.0-demo',
    front,
    dataFolder: '/home/marek/.local/share/waymark',
    user: 'marek',
    practice: state.practice,
    keyStorage: {
      kind: 'file',
      words: 'In a file only you can read, in the data folder: no Secret Service answers here.',
    },
  };
}
