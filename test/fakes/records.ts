/** Records as the contract shapes them, with every field given; a test changes what it is about. */
import type {
  HostId,
  Job,
  JobId,
  MachineId,
  Point,
  PointId,
  RepositoryId,
} from '#contract/domain.ts';
import type { HostRecord } from '#engine/catalog/hosts.ts';
import type { RepositoryRecord } from '#engine/catalog/repositories.ts';
import { handClockStart } from './clock.ts';

export const atticId = 'repo-attic' as RepositoryId;
export const cellarId = 'repo-cellar' as RepositoryId;
export const webUuid = '11111111-1111-4111-8111-111111111111';
export const mailUuid = '22222222-2222-4222-8222-222222222222';

export function hostRecord(change: Partial<HostRecord> = {}): HostRecord {
  return {
    id: 'host-1' as HostId,
    name: 'this computer',
    uri: 'qemu:///system',
    practice: false,
    ...change,
  };
}

export function repositoryRecord(change: Partial<RepositoryRecord> = {}): RepositoryRecord {
  return {
    id: atticId,
    name: 'attic',
    path: '/srv/attic',
    encrypted: true,
    blockSizeBytes: 65_536,
    keyStorage: 'file',
    practice: false,
    recovery: 'pending',
    lastVerified: null,
    ...change,
  };
}

export function point(id: string, change: Partial<Point> = {}): Point {
  return {
    id: id as PointId,
    machine: { uuid: webUuid, name: 'web-01' },
    host: 'this computer',
    repository: { id: atticId, name: 'attic' },
    time: handClockStart,
    seconds: 1.5,
    disks: [
      {
        target: 'vda',
        format: 'qcow2',
        mode: 're-read',
        reason: 'first',
        sizeBytes: 1000,
        readBytes: 600,
        storedBytes: 400,
      },
    ],
    skipped: [{ target: 'sda', reason: 'cdrom' }],
    definition: { kind: 'included', sizeBytes: 3000 },
    firmware: { kind: 'none' },
    tpm: { kind: 'none' },
    consistency: { kind: 'crash', why: 'No guest agent answered.' },
    checkpoint: 'waymark-01',
    sizeBytes: 1000,
    readBytes: 600,
    storedBytes: 400,
    verified: null,
    damaged: false,
    pinned: false,
    ...change,
  };
}

/** A backup of web-01 to attic that is done. */
export function endedJob(id: string, change: Partial<Job> = {}): Job {
  return {
    id: id as JobId,
    kind: 'backup',
    title: 'Back up web-01 to attic',
    machine: { id: `host-1/${webUuid}` as MachineId, name: 'web-01' },
    repository: { id: atticId, name: 'attic' },
    createdAt: handClockStart,
    startedAt: handClockStart,
    state: { kind: 'done', at: handClockStart + 1000 },
    progress: null,
    steps: [],
    cancelEffect: 'Nothing stays behind.',
    result: null,
    ...change,
  };
}
