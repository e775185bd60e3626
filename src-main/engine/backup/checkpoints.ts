/** Removing checkpoints of ours: the one of a backup that failed, and those a backup replaced. */
import { hasCode } from '#contract/errors.ts';
import { checkpointOwner, type CheckpointOwner } from '#engine/hypervisor/checkpoint-owner.ts';
import type { CheckpointRecord, Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import type { World } from '#engine/world/world.ts';

/**
 * Deletes a checkpoint with its bitmaps; one that is not there is fine. On a stopped machine
 * libvirt forgets only its own record, so the bitmaps are then taken out of the closed images.
 */
export async function dropCheckpoint(
  world: World,
  hypervisor: Hypervisor,
  uuid: string,
  name: string,
): Promise<void> {
  const checkpoints = await hypervisor.listCheckpoints(uuid).catch((thrown: unknown) => {
    if (hasCode(thrown, 'machine-not-found')) return [];
    throw thrown;
  });
  const found = checkpoints.find((checkpoint) => checkpoint.name === name);
  if (found === undefined) return;
  const { state } = await hypervisor.state(uuid);
  if (state !== 'off' && state !== 'crashed') {
    await dropLive(hypervisor, uuid, found);
    return;
  }
  const { definition } = await hypervisor.getMachine(uuid);
  for (const { target, bitmap } of found.disks) {
    const disk = definition.disks.find((candidate) => candidate.target === target);
    // Another image may be there by now, and only a qcow2 one has a bitmap to remove.
    if (typeof disk?.source === 'string' && disk.format === 'qcow2')
      await removeBitmap(world, disk.source, bitmap);
  }
  await hypervisor.deleteCheckpoint(uuid, name, { metadataOnly: true });
}

/**
 * A bitmap that QEMU lost (killed before it was ever written to the image) cannot be deleted, and
 * libvirt then refuses to delete its checkpoint too: only the record is left to forget.
 */
async function dropLive(
  hypervisor: Hypervisor,
  uuid: string,
  { name, xml }: CheckpointRecord,
): Promise<void> {
  try {
    await hypervisor.deleteCheckpoint(uuid, name);
  } catch (thrown) {
    const broken =
      hasCode(thrown, 'libvirt-error', 'checkpoint-inconsistent') &&
      !(await hypervisor.validateCheckpoint(uuid, name, xml));
    if (!broken) throw thrown;
    await hypervisor.deleteCheckpoint(uuid, name, { metadataOnly: true });
  }
}

async function removeBitmap(world: World, image: string, bitmap: string): Promise<void> {
  if (!(await world.files.may(image, 'write'))) return; // the doctor names it as an orphan
  const result = await world.processes.run('qemu-img', [
    ...['bitmap', '--remove', '-f', 'qcow2', '--'],
    ...[image, bitmap],
  ]);
  if (result.code !== 0)
    world.log.warn('A bitmap was not removed', { image, stderr: result.stderr });
}

/**
 * Deletes every checkpoint that this installation made for this repository except the new one. Each
 * bitmap records on its own, so no other checkpoint is affected.
 */
export async function retireOlder(
  world: World,
  hypervisor: Hypervisor,
  uuid: string,
  newest: string,
  owner: CheckpointOwner,
): Promise<void> {
  for (const checkpoint of await hypervisor.listCheckpoints(uuid)) {
    const of = checkpointOwner(checkpoint);
    if (of === null || checkpoint.name === newest) continue;
    if (of.installation !== owner.installation || of.repository !== owner.repository) continue;
    await dropCheckpoint(world, hypervisor, uuid, checkpoint.name);
  }
}
