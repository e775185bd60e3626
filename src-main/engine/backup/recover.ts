import { hasCode } from '#contract/errors.ts';
import { checkpointOwner, type CheckpointOwner } from '#engine/hypervisor/checkpoint-owner.ts';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import type { World } from '#engine/world/world.ts';
import { dropCheckpoint, retireOlder } from './checkpoints.ts';
import { thawAgain } from './freeze.ts';
import { endOurJob } from './pull-job.ts';
import { runOf, stopIfStillPaused } from './routes.ts';
import type { BackupJournal } from './run.ts';

/** What the journal's steps say of a backup that was cut off. */
export interface CutOff {
  /** The guest was asked to freeze, and nobody noted that it was thawed. */
  readonly frozen: boolean;
  /** Which run of the machine was the paused one; undefined when that was not noted any more. */
  readonly run: string | null | undefined;
  readonly installation: string;
  /** Asked once the machine is safe: this may need a repository that is not there now. */
  committed(): Promise<boolean>;
}

/**
 * Undoes what a backup that was cut off left on its host. First what can hurt the guest, which
 * needs the host alone: a freeze, and libvirt's job, whose scratch file would grow until the disk
 * is full. Then the checkpoint that never became a reference (or, when its point exists, the one it
 * replaced), a machine that was started paused for it, and the work folder. Done again it does no
 * harm.
 */
export async function recoverBackup(
  world: World,
  hypervisor: Hypervisor,
  journal: BackupJournal,
  known: CutOff,
): Promise<void> {
  const { uuid, checkpoint } = journal;
  try {
    if (known.frozen) await thawAgain(hypervisor, uuid);
    if (journal.route !== 'closed-image') await endOurJob(hypervisor, uuid, journal.workFolder);
    if (checkpoint !== null) {
      if (await known.committed()) {
        const owner = { installation: known.installation, repository: journal.repository };
        if (await isNewest(hypervisor, uuid, checkpoint, owner))
          await retireOlder(world, hypervisor, uuid, checkpoint, owner);
      } else {
        await dropCheckpoint(world, hypervisor, uuid, checkpoint);
      }
    }
    if (journal.route === 'paused-start') await stopOurs(hypervisor, uuid, known.run);
  } catch (thrown) {
    if (!hasCode(thrown, 'machine-not-found')) throw thrown; // removed meanwhile: nothing to undo
  }
  await world.files.removeTree(journal.workFolder);
}

/** A backup made since has its own checkpoint, which must not go as one that this one replaced. */
async function isNewest(
  hypervisor: Hypervisor,
  uuid: string,
  checkpoint: string,
  owner: CheckpointOwner,
): Promise<boolean> {
  const ours = (await hypervisor.listCheckpoints(uuid)).filter((one) => {
    const of = checkpointOwner(one);
    return of?.installation === owner.installation && of.repository === owner.repository;
  });
  return (
    ours.every(({ name }) => name <= checkpoint) && ours.some((one) => one.name === checkpoint)
  );
}

/** A machine that was started anew since is somebody else's, paused or not. */
async function stopOurs(hypervisor: Hypervisor, uuid: string, run: string | null | undefined) {
  const another = run !== undefined && (await runOf(hypervisor, uuid)) !== run;
  if (!another) await stopIfStillPaused(hypervisor, uuid, false);
}
