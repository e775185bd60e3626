/**
 * A backup job that libvirt lost. Its daemon notes the job before what the job does; when it ends
 * in between (a crash, kill -9, an update) the next daemon holds the job for good: no snapshot and
 * no backup gets the machine's lock any more ("cannot acquire state change lock"), aborting answers
 * ok and changes nothing, and even after the machine was switched off it does not start until the
 * daemon is started once more. Seen on libvirt 9.0, in about 25 ms of a backup's beginning.
 */
import { hasCode } from '#contract/errors.ts';
import type { World } from '#engine/world/world.ts';
import type { Hypervisor } from './hypervisor.ts';

/** What a person has to do: nothing else helps. */
export const lostJobAdvice =
  'Switch the machine off, restart libvirt (systemctl restart libvirtd, or virtqemud), then ' +
  'start the machine again.';

/**
 * A deletion of an external snapshot looks alike for a moment (libvirt 9.0 has no numbers of it
 * either), but QEMU then works on a disk: so it is looked twice, this far apart, in milliseconds.
 */
const lookAgainMs = 300;

/**
 * Only of a machine that is on. Errors: those of the connection.
 * @param targets of its disks.
 */
export async function hasLostJob(
  { clock }: Pick<World, 'clock'>,
  hypervisor: Hypervisor,
  uuid: string,
  targets: readonly string[],
): Promise<boolean> {
  if (!(await looksLost(hypervisor, uuid, targets))) return false;
  await clock.sleep(lookAgainMs);
  return looksLost(hypervisor, uuid, targets);
}

async function looksLost(
  hypervisor: Hypervisor,
  uuid: string,
  targets: readonly string[],
): Promise<boolean> {
  try {
    const { active, operation } = await hypervisor.jobStats(uuid);
    if (!active || operation !== 'unknown') return false;
    for (const target of targets) {
      if ((await hypervisor.blockJob(uuid, target)) !== null) return false;
    }
    return true;
  } catch (thrown) {
    if (hasCode(thrown, 'libvirt-error', 'machine-busy')) return false; // it stopped, or works
    throw thrown;
  }
}
