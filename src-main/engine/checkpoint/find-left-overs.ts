/** What backups and snapshots that are no more left behind: folders, a job, saved memory. */
import type { MachineFacts } from '#engine/interlock/facts.ts';
import type { Diagnosis } from './diagnosis.ts';
import type { Evidence } from './evidence.ts';
import { stableId } from '#engine/interlock/stable-id.ts';

export function findLeftOvers(facts: MachineFacts, evidence: Evidence): readonly Diagnosis[] {
  const { job, folders, memoryFiles } = evidence;
  return [
    ...(job === null ? [] : [leftOverJob(job)]),
    // A backup that runs now has its folder, and the job's goes with the job.
    ...(facts.waymarkJob === null ? folders : [])
      .filter((path) => path !== job)
      .map(leftOverFolder),
    ...memoryFiles.map(leftOverMemory),
  ];
}

function leftOverJob(workFolder: string): Diagnosis {
  return {
    finding: {
      id: stableId('left-over-job', workFolder),
      kind: 'left-over-job',
      severity: 'problem',
      title: 'libvirt still runs a backup that is no more',
      detail:
        'Waymark began it and was cut off. Until it is ended, libvirt keeps the old content of ' +
        `every block the machine writes in ${workFolder}, and when that is full, the machine’s ` +
        'own writes fail.',
      repair: 'Ends the job and removes its folder. The machine runs on.',
    },
    cure: { do: 'end-job', workFolder },
    consent: null,
    rereads: [],
  };
}

function leftOverFolder(path: string): Diagnosis {
  return {
    finding: {
      id: stableId('left-over-folder', path),
      kind: 'left-over-folder',
      severity: 'notice',
      title: 'A backup that was cut off left its folder',
      detail: `${path} holds scratch files or a socket. No backup uses it now.`,
      repair: 'Removes the folder with what is in it.',
    },
    cure: { do: 'remove-folder', path },
    consent: null,
    rereads: [],
  };
}

function leftOverMemory(path: string): Diagnosis {
  return {
    finding: {
      id: stableId('left-over-memory', path),
      kind: 'left-over-memory',
      severity: 'notice',
      title: 'The memory of a snapshot that is no more takes space',
      detail:
        `${path} holds this machine’s memory, and no snapshot that libvirt knows belongs to it. ` +
        'Some versions of libvirt leave it behind when a snapshot is deleted.',
      repair: 'Removes the file.',
    },
    cure: { do: 'remove-file', path },
    consent: {
      id: stableId('memory', path),
      level: 'warning',
      title: 'The memory is gone for good then',
      detail: `If libvirt only forgot the snapshot, it cannot be brought back without ${path}.`,
      accept: 'Remove the saved memory',
    },
    rereads: [],
  };
}
