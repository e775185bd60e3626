/**
 * The actions on checkpoints. A plan that was made for a running machine may be finished when its
 * QEMU is gone: then libvirt only forgets its records, and the bitmaps are taken out of the images.
 */
import { hasCode } from '#contract/errors.ts';
import type { CheckpointRecord } from '#engine/hypervisor/hypervisor.ts';
import { imageChain } from '#engine/nbd/image.ts';
import type { ExecuteParts } from './execute.ts';
import { executeOnImages } from './execute-images.ts';
import { isActive } from './facts.ts';
import type { StepAction } from './steps.ts';

type CheckpointStep = Extract<
  StepAction,
  { do: 'create-checkpoint' | 'record-checkpoint' | 'delete-checkpoint' }
>;

const checkpointRedefine = 1; // VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE

export async function executeOnCheckpoint(
  parts: ExecuteParts,
  action: CheckpointStep,
): Promise<void> {
  const { hypervisor, uuid } = parts;
  const found = (await hypervisor.listCheckpoints(uuid)).find(({ name }) => name === action.name);
  switch (action.do) {
    case 'create-checkpoint':
      if (found === undefined) await hypervisor.createCheckpoint(uuid, action.xml, 0);
      return;
    case 'record-checkpoint':
      if (found === undefined)
        await hypervisor.createCheckpoint(uuid, action.xml, checkpointRedefine);
      return;
    case 'delete-checkpoint':
      if (found === undefined) return;
      if (action.metadataOnly) return forget(parts, found);
      if (isActive(await hypervisor.state(uuid))) return dropRunning(parts, found);
      return dropStopped(parts, found);
  }
}

function forget({ hypervisor, uuid }: ExecuteParts, { name }: CheckpointRecord): Promise<void> {
  return hypervisor.deleteCheckpoint(uuid, name, { metadataOnly: true });
}

/**
 * A bitmap that QEMU lost cannot be deleted, and libvirt then refuses to delete its checkpoint too:
 * only the record is left to forget.
 */
async function dropRunning(parts: ExecuteParts, found: CheckpointRecord): Promise<void> {
  const { hypervisor, uuid } = parts;
  try {
    await hypervisor.deleteCheckpoint(uuid, found.name);
  } catch (thrown) {
    const broken =
      hasCode(thrown, 'libvirt-error', 'checkpoint-inconsistent') &&
      !(await hypervisor.validateCheckpoint(uuid, found.name, found.xml));
    if (!broken) throw thrown;
    await forget(parts, found);
  }
}

/** Bitmaps first: cut off in between, a dead checkpoint is left, which nothing relies on. */
async function dropStopped(parts: ExecuteParts, found: CheckpointRecord): Promise<void> {
  const { world, hypervisor, uuid } = parts;
  const { definition } = await hypervisor.getMachine(uuid);
  for (const { target, bitmap } of found.disks) {
    const source = definition.disks.find((disk) => disk.target === target)?.source ?? null;
    if (source === null) continue; // taken out of the machine with its bitmap
    for (const { path, format } of await imageChain(world, source, { share: true })) {
      if (format !== 'qcow2') continue;
      await executeOnImages(parts, { do: 'remove-bitmap', image: path, bitmap });
    }
  }
  await forget(parts, found);
}
