import { hasCode } from '#contract/errors.ts';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import type { World } from '#engine/world/world.ts';
import { dropCheckpoint, retireOlder } from './checkpoints.ts';
import { endJob } from './pull-job.ts';
import { stopIfStillPaused } from './routes.ts';
import type { BackupJournal } from './run.ts';

/**
 * Undoes what a backup that was cut off left on its host: libvirt's job, the checkpoint that
 * never became a reference (or, when its point exists, the one it replaced), the work folder, and
 * a machine that was started paused for it.
 */
export async function recoverBackup(
  world: World,
  hypervisor: Hypervisor,
  journal: BackupJournal,
  known: { readonly committed: boolean; readonly installation: string },
): Promise<void> {
  const { uuid, checkpoint } = journal;
  try {
    await endOurJob(hypervisor, journal);
    if (checkpoint !== null && known.committed) {
      await retireOlder(world, hypervisor, uuid, checkpoint, {
        installation: known.installation,
        repository: journal.repository,
      });
    }
    if (checkpoint !== null && !known.committed) {
      await dropCheckpoint(world, hypervisor, uuid, checkpoint);
    }
    if (journal.route === 'paused-start') await stopIfStillPaused(hypervisor, uuid, false);
  } catch (thrown) {
    if (!hasCode(thrown, 'machine-not-found')) throw thrown; // removed meanwhile: nothing to undo
  }
  await world.files.removeTree(journal.workFolder);
}

/** Only a job that serves our socket is ours: another program's backup is left alone. */
async function endOurJob(hypervisor: Hypervisor, { uuid, workFolder }: BackupJournal) {
  const stats = await hypervisor.jobStats(uuid);
  if (!stats.active || stats.operation !== 'backup') return;
  const xml = await hypervisor.backupXml(uuid).catch((thrown: unknown) => {
    if (hasCode(thrown, 'libvirt-error')) return ''; // it ended in this very moment
    throw thrown;
  });
  if (xml.includes(workFolder)) await endJob(hypervisor, uuid);
}
