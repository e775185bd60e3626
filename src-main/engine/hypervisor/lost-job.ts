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
  'If no other program works with it now, switch the machine off, restart libvirt (systemctl ' +
  'restart libvirtd, or virtqemud), then start the machine again.';

/**
 * A deletion of an external snapshot looks alike for a while (libvirt 9.0 has no numbers of it
 * either), and for that libvirt may first start a QEMU; but then QEMU works on a disk. So it is
 * looked for this long, this often, in milliseconds.
 */
const watchMs = 5000;
const everyMs = 500;

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
  const until = clock.monotonic() + watchMs;
  while (await looksLost(hypervisor, uuid, targets)) {
    if (clock.monotonic() >= until) return true;
    await clock.sleep(everyMs);
  }
  return false;
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
