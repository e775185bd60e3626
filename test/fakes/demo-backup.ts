/** The pretend engine's backups and restores: plans and jobs. */
import type { Handlers, Input } from '#contract/contract.ts';
import type { BackupPlan, Check, Machine, Point, RestorePlan } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { Ending } from './demo-jobs.ts';
import { demoUuid, machineId } from './demo-machines.ts';
import { makePoint, pointDisks } from './demo-points.ts';
import type { Demo } from './handlers.ts';

type Part = Pick<Handlers, Extract<keyof Handlers, `backup.${string}` | `restore.${string}`>>;

function blockers(checks: readonly Check[]): readonly Check[] {
  return checks.filter((check) => check.level === 'blocker');
}

function refuseBlocked(checks: readonly Check[], accepted: readonly string[]): void {
  const blocked = blockers(checks);
  if (blocked.length > 0) {
    throw new AppError('refused', blocked[0]?.title ?? 'The pre-flight said no.', {
      reasons: blocked.map((check) => check.detail),
      unharmed: 'Nothing was touched.',
      advice: 'Detach the device, then back up again.',
    });
  }
  const open = checks.filter((check) => check.accept !== undefined && !accepted.includes(check.id));
  if (open.length > 0) {
    throw new AppError('confirmation-required', open[0]?.title ?? 'A warning must be accepted.', {
      warnings: open.map((check) => check.id),
      unharmed: 'Nothing was touched.',
      advice: 'Read the warning, then accept it.',
    });
  }
}

function backupPlan(demo: Demo, input: Input<'backup.plan'>): BackupPlan {
  const machine = demo.machine(input.machine);
  const repository = demo.repository(input.repository);
  const first = machine.lastPoint?.repository.id !== repository.id;
  const read = new Map(pointDisks(machine, first).map((disk) => [disk.target, disk]));
  const checks: Check[] = [
    {
      id: 'host',
      level: 'ok',
      title: `${machine.host.name} answers`,
      detail: 'libvirt 9.0.0, QEMU 7.2.22',
    },
    {
      id: 'repository-space',
      level: repository.state.kind === 'ready' ? 'ok' : 'blocker',
      title: repository.state.kind === 'ready' ? 'Enough space' : 'The repository is not there',
      detail: repository.path,
    },
  ];
  if (machine.name === 'win11-tax') {
    checks.push({
      id: 'host-devices',
      level: 'blocker',
      title: 'win11-tax uses a USB device of the host',
      detail: 'A stopped machine with a host device cannot be read by a paused start.',
    });
  }
  if (machine.state === 'running') {
    checks.push({
      id: 'guest-agent',
      level: 'warning',
      title: 'No guest agent',
      detail: 'The copy is as after a power cut; file systems recover by themselves.',
    });
  }
  return {
    machine: { id: machine.id, name: machine.name },
    repository: { id: repository.id, name: repository.name },
    route: machine.state === 'off' ? 'closed-image' : 'running',
    disks: machine.disks.map((disk) => {
      const planned = read.get(disk.target);
      const excluded = input.exclude.includes(disk.target);
      const sizeBytes = disk.sizeBytes ?? 0;
      if (planned === undefined || excluded) {
        const reason = excluded ? 'excluded' : 'cdrom';
        return { target: disk.target, mode: 'skip', reason, sizeBytes, expectedReadBytes: null };
      }
      const mode = input.reread ? 're-read' : planned.mode;
      const reason = input.reread ? 'asked' : planned.reason;
      return {
        target: disk.target,
        mode,
        ...(reason === undefined ? {} : { reason }),
        sizeBytes,
        expectedReadBytes: planned.readBytes,
      };
    }),
    checks,
    estimatedSeconds: first ? 410 : 38,
    commands: [
      `virsh backup-begin ${machine.name} backup.xml checkpoint.xml`,
      'read the changed blocks over NBD',
      `virsh domjobabort ${machine.name}`,
    ],
  };
}

function ending(machine: Machine): Ending {
  if (machine.name === 'mail') {
    const error = new AppError('no-space', 'The scratch folder on rack is full.', {
      where: 'scratch',
      path: '/var/lib/waymark-scratch',
      unharmed: 'The machine and its 11 points are unharmed.',
      advice: 'Free at least 8 GiB there, then back up again.',
    });
    return { kind: 'failed', error };
  }
  if (machine.name === 'jenkins') {
    return { kind: 'problems', problems: ['The guest agent did not thaw within 10 s.'] };
  }
  return { kind: 'done' };
}

function startBackup(demo: Demo, input: Input<'backup.start'>) {
  const plan = backupPlan(demo, input);
  refuseBlocked(plan.checks, input.accepted);
  const machine = demo.machine(input.machine);
  const repository = plan.repository;
  const first = plan.disks.some((disk) => disk.reason === 'first');
  const expected = plan.disks.reduce((sum, disk) => sum + (disk.expectedReadBytes ?? 0), 0);
  return demo.jobs.start({
    kind: 'backup',
    title: `Back up ${machine.name} to ${repository.name}`,
    machine: { id: machine.id, name: machine.name },
    repository,
    activity: `Reading ${plan.disks[0]?.target ?? 'vda'} (1 of ${plan.disks.length})`,
    totalBytes: expected,
    storedShare: 0.35,
    steps: ['Begin the backup', 'Read the disks', 'Write the restore point', 'Clean up'],
    cancelEffect: 'No restore point is made; earlier points are not affected.',
    finish: () => {
      const outcome = ending(machine);
      if (outcome.kind === 'failed') return { outcome, result: null };
      const time = demo.now();
      const made = makePoint(machine, `01DEMO${demo.newId()}`, time, first, repository);
      const excluded = input.exclude.map((target) => ({ target, reason: 'excluded' }) as const);
      const point: Point = {
        ...made,
        disks: made.disks.filter((disk) => !input.exclude.includes(disk.target)),
        skipped: [...made.skipped, ...excluded],
        seconds: demo.secondsPerJob,
      };
      demo.state.points.unshift(point);
      const before = demo.machine(machine.id);
      demo.putMachine({
        ...before,
        lastPoint: { id: point.id, time, repository },
        pointCount: before.pointCount + 1,
        protection: before.protection === 'never' ? 'not-planned' : before.protection,
      });
      demo.emit('timeline.changed', { machine: machine.id });
      return { outcome, result: { kind: 'backup', point, seconds: demo.secondsPerJob } };
    },
  });
}

function restorePlan(demo: Demo, input: Input<'restore.plan'>): RestorePlan {
  const point = demo.point(input.point);
  const { to } = input;
  const exists = to.kind === 'image' && to.path.includes('exists');
  const taken =
    to.kind === 'new-machine' && demo.state.machines.some((machine) => machine.name === to.name);
  if (to.kind === 'image' && !point.disks.some((disk) => disk.target === to.disk)) {
    throw new AppError('not-found', `This point has no disk ${to.disk}.`, {
      advice: `It has ${point.disks.map((disk) => disk.target).join(', ')}.`,
    });
  }
  if (exists)
    throw new AppError('path-exists', 'There is already a file there.', pathData(to.path));
  if (taken) throw new AppError('name-taken', `There is already a machine called ${to.name}.`);
  return {
    point: point.id,
    checks: [
      { id: 'space', level: 'ok', title: 'Enough space', detail: '912 GiB are free.' },
      {
        id: 'verified',
        level: point.verified === null ? 'unknown' : 'ok',
        title: point.verified === null ? 'Not verified' : 'Verified',
        detail: 'Every block is checked again while it is read.',
      },
    ],
    writeBytes: point.disks.reduce((sum, disk) => sum + disk.sizeBytes, 0),
    estimatedSeconds: 95,
    undo: 'Nothing existing changes: delete the new machine to undo.',
    commands: ['write the disks', 'read them back and compare', 'virsh define new.xml'],
    definitionChanges:
      to.kind === 'image'
        ? []
        : [
            { kind: 'changed', what: 'name', why: `It becomes ${to.name}.` },
            { kind: 'changed', what: 'uuid', why: 'A new machine has its own.' },
            { kind: 'changed', what: 'network', why: 'Disconnected until you connect it.' },
          ],
  };
}

function pathData(path: string) {
  return { path, unharmed: 'It was not touched.', advice: 'Choose another name.' };
}

function startRestore(demo: Demo, input: Input<'restore.start'>) {
  const plan = restorePlan(demo, input);
  refuseBlocked(plan.checks, input.accepted);
  const point = demo.point(input.point);
  const { to } = input;
  const disks = point.disks.filter((disk) => to.kind !== 'image' || disk.target === to.disk);
  const folder = to.kind === 'image' ? null : (to.folder ?? '/var/lib/libvirt/images');
  return demo.jobs.start({
    kind: 'restore',
    title: `Restore ${point.machine.name}`,
    machine: null,
    repository: point.repository,
    activity: 'Writing disks',
    totalBytes: disks.reduce((sum, disk) => sum + disk.sizeBytes, 0),
    storedShare: 0,
    steps: ['Write the disks', 'Read them back', 'Define the machine'],
    cancelEffect: 'The files written so far are removed.',
    finish: () => {
      const restored = disks.map((disk) => ({
        target: disk.target,
        path:
          to.kind === 'image'
            ? to.path
            : `${folder ?? ''}/${to.name}-${disk.target}.${disk.format}`,
        format: to.kind === 'image' ? to.format : disk.format,
        sizeBytes: disk.sizeBytes,
        writtenBytes: Math.floor(disk.sizeBytes / 3),
      }));
      let machine: { name: string; uuid: string } | null = null;
      if (to.kind === 'new-machine') {
        const source = demo.state.machines.find((one) => one.uuid === point.machine.uuid);
        const host = demo.state.hosts.find((one) => one.id === to.host) ?? demo.state.hosts[0];
        machine = { name: to.name, uuid: demoUuid(500 + demo.state.machines.length) };
        if (source !== undefined && host !== undefined) {
          demo.putMachine({
            ...source,
            ...machine,
            id: machineId(host.id, machine.uuid),
            host: { id: host.id, name: host.name },
            state: to.start ? 'running' : 'off',
            protection: 'never',
            lastPoint: null,
            pointCount: 0,
            storedBytes: 0,
            practice: source.practice,
            days: source.days.map((one) => ({ ...one, points: 0, snapshots: 0, failed: 0 })),
            job: null,
          });
        }
      }
      const seconds = demo.secondsPerJob;
      return {
        outcome: { kind: 'done' },
        result: { kind: 'restore', restored, verified: true, seconds, machine },
      };
    },
  });
}

export function backupHandlers(demo: Demo): Part {
  return {
    'backup.plan': async (input) => backupPlan(demo, input),
    'backup.start': async (input) => startBackup(demo, input),
    'restore.plan': async (input) => restorePlan(demo, input),
    'restore.start': async (input) => startRestore(demo, input),
  };
}
