/** Invented restore points, snapshots, checkpoints and runs that agree with the machines. */
import type { Job, JobId, Machine, Point, PointDisk, PointId, Run } from '#contract/domain.ts';
import type { Checkpoint } from '#contract/moments.ts';
import { attic, day, gib, hour, mib, vault } from './demo-machines.ts';

const demoPointCount = 11;

export function pointDisks(machine: Machine, first: boolean): PointDisk[] {
  return machine.disks.flatMap((disk): PointDisk[] => {
    if (disk.tracking.kind === 'skipped' || disk.sizeBytes === null) return [];
    const { target, format, sizeBytes } = disk;
    const half = Math.floor(sizeBytes / 2);
    if (first) {
      const storedBytes = Math.floor(sizeBytes / 5);
      return [
        {
          target,
          format,
          mode: 're-read',
          reason: 'first',
          sizeBytes,
          readBytes: half,
          storedBytes,
        },
      ];
    }
    if (disk.tracking.kind === 'not-trackable') {
      const reason = 'not-trackable';
      const storedBytes = 300 * mib;
      return [{ target, format, mode: 're-read', reason, sizeBytes, readBytes: half, storedBytes }];
    }
    const read = Math.floor(sizeBytes / 90);
    const storedBytes = Math.floor(read / 3);
    return [{ target, format, mode: 'changed-only', sizeBytes, readBytes: read, storedBytes }];
  });
}

/** One restore point of a machine, made at `time`. */
export function makePoint(
  machine: Machine,
  id: string,
  time: number,
  first: boolean,
  repository: Point['repository'] = attic,
): Point {
  const disks = pointDisks(machine, first);
  const sum = (pick: (disk: PointDisk) => number) => disks.reduce((all, d) => all + pick(d), 0);
  return {
    id: id as PointId,
    machine: { uuid: machine.uuid, name: machine.name },
    host: machine.host.name,
    repository,
    time,
    seconds: first ? 412.5 : 38.2,
    disks,
    skipped: machine.disks
      .filter((disk) => disk.tracking.kind === 'skipped')
      .map((disk) => ({ target: disk.target, reason: 'cdrom' })),
    definition: { kind: 'included', sizeBytes: 6321 },
    firmware:
      machine.firmware === 'uefi' ? { kind: 'included', sizeBytes: 540_672 } : { kind: 'none' },
    tpm: machine.hasTpm
      ? { kind: 'not-included', reason: 'This user may not read its state.' }
      : { kind: 'none' },
    consistency:
      machine.state === 'off'
        ? { kind: 'clean', why: 'The machine was switched off.' }
        : { kind: 'crash', why: 'No guest agent answered.' },
    checkpoint: `waymark-${id}`,
    sizeBytes: sum((disk) => disk.sizeBytes),
    readBytes: sum((disk) => disk.readBytes),
    storedBytes: sum((disk) => disk.storedBytes),
    verified: null,
    damaged: false,
    pinned: false,
  };
}

function readAgain(point: Point): Point {
  const readBytes = Math.floor(point.sizeBytes / 5);
  const disks = point.disks.map((disk): PointDisk => ({
    ...disk,
    mode: 're-read',
    reason: 'reference-lost',
    readBytes: Math.floor(disk.sizeBytes / 5),
  }));
  return { ...point, disks, readBytes };
}

/** The points of one machine, newest first. */
export function demoPoints(machine: Machine): Point[] {
  const newest = machine.lastPoint;
  if (newest === null) return [];
  return Array.from({ length: demoPointCount }, (_, back) => {
    const time = newest.time - back * day;
    const where = back === 4 ? vault : attic;
    const point = makePoint(
      machine,
      `${machine.name}-${back}`,
      time,
      back === demoPointCount - 1,
      where,
    );
    // The revert of its story cost it the reference: everything was read again, once.
    if (machine.name === 'debian-dev' && back === 7) return readAgain(point);
    if (back === 1)
      return { ...point, verified: { time: time + hour, depth: 'restore', ok: true } };
    if (back === 2) return { ...point, verified: { time: time + hour, depth: 'data', ok: true } };
    return point;
  });
}

export function demoCheckpoints(machine: Machine): Checkpoint[] {
  if (machine.lastPoint === null) return [];
  const disks = machine.disks
    .filter((disk) => disk.tracking.kind === 'trackable')
    .map((disk) => disk.target);
  return [
    {
      name: `waymark-${machine.name}-0`,
      time: machine.lastPoint.time,
      parent: null,
      owner: 'ours',
      repository: attic,
      role: 'reference',
      disks,
    },
  ];
}

/** What history shows of a job that ended. */
export function runOf(job: Job): Run | null {
  const { state } = job;
  if (state.kind === 'queued' || state.kind === 'running' || state.kind === 'cancelling')
    return null;
  const point = job.result?.kind === 'backup' ? job.result.point : null;
  return {
    id: job.id,
    kind: job.kind,
    title: job.title,
    machine:
      job.machine === null
        ? null
        : { uuid: String(job.machine.id).split('/')[1] ?? '', name: job.machine.name },
    repository: job.repository,
    startedAt: job.startedAt ?? job.createdAt,
    outcome: state,
    readBytes: job.progress?.readBytes ?? 0,
    storedBytes: job.progress?.storedBytes ?? 0,
    point: point?.id ?? null,
    steps: job.steps,
  };
}

/** Runs of the past, newest first: one for each point and three failures of `mail`. */
export function demoRuns(machines: readonly Machine[], points: readonly Point[]): Run[] {
  const runs = points.map((point): Run => ({
    id: `run-${point.id}` as JobId,
    kind: 'backup',
    title: `Back up ${point.machine.name} to ${point.repository.name}`,
    machine: point.machine,
    repository: point.repository,
    startedAt: point.time,
    outcome: { kind: 'done', at: point.time + Math.round(point.seconds * 1000) },
    readBytes: point.readBytes,
    storedBytes: point.storedBytes,
    point: point.id,
    steps: [],
  }));
  const mail = machines.find((machine) => machine.name === 'mail');
  if (mail?.lastPoint) {
    for (let after = 1; after <= 3; after += 1) {
      const startedAt = mail.lastPoint.time + after * day - hour;
      runs.push({
        id: `run-mail-failed-${after}` as JobId,
        kind: 'backup',
        title: 'Back up mail to attic',
        machine: { uuid: mail.uuid, name: mail.name },
        repository: attic,
        startedAt,
        outcome: {
          kind: 'failed',
          at: startedAt + 2000,
          error: {
            code: 'no-space',
            message: 'The scratch folder on rack is full.',
            data: {
              where: 'scratch',
              path: '/var/lib/waymark-scratch',
              unharmed: 'The machine and its 11 points are unharmed.',
              advice: `Free at least ${Math.round((8 * gib) / gib)} GiB there, then back up again.`,
            },
          },
        },
        readBytes: 0,
        storedBytes: 0,
        point: null,
        steps: [],
      });
    }
  }
  return runs.sort((a, b) => b.startedAt - a.startedAt);
}
