/**
 * Waits until nobody has the images of a machine that is off open. A qemu-nbd that read them for a
 * backup ends by itself when Waymark is killed, but only after what it was asked; until then its
 * lock would let a step fail half way, after one disk of several. Whoever else has them open is
 * told of in words, before anything is touched.
 */
import { AppError } from '#contract/errors.ts';
import type { DomainDisk } from '#engine/hypervisor/domain-xml.ts';
import { isLocked } from '#engine/nbd/image-failure.ts';
import type { World } from '#engine/world/world.ts';
import type { ExecuteParts } from './execute.ts';
import { isActive } from './facts.ts';

/** How long an ending reader is waited for, in milliseconds. */
export const patienceMs = 10_000;
const pollMs = 50;

/** Errors: `machine-busy` when an image still is open after that, those of the connection. */
export async function untilLetGo({ world, hypervisor, uuid }: ExecuteParts): Promise<void> {
  const machine = await hypervisor.getMachine(uuid);
  if (isActive(machine)) return; // its own QEMU has them open
  const { clock } = world;
  const deadline = clock.monotonic() + patienceMs;
  for (const path of machine.definition.disks.flatMap(writtenImage)) {
    while (await isOpen(world, path)) {
      if (clock.monotonic() > deadline) throw stillOpen(machine.name, path);
      await clock.sleep(pollMs);
    }
  }
}

/** One that is missing or not ours to look at is for libvirt to speak of. */
async function isOpen(world: World, path: string): Promise<boolean> {
  try {
    return await isLocked(world, path);
  } catch (thrown) {
    if (thrown instanceof AppError) return false;
    throw thrown;
  }
}

/** What others may have open beside the machine is left out. */
function writtenImage({ source, sourceKind, readOnly, shareable }: DomainDisk): readonly string[] {
  if (source === null || sourceKind !== 'file' || readOnly || shareable) return [];
  return [source];
}

function stillOpen(name: string, path: string): AppError {
  return new AppError('machine-busy', `Another program has the image ${path} open.`, {
    path,
    unharmed: `${name} is off, and nothing was done to its images.`,
    advice:
      'Close what looks into the image (guestfish, qemu-nbd, another host), then try again. ' +
      'A QEMU of the machine that libvirt lost track of holds it, too: end that, if there is one.',
  });
}
