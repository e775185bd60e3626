/**
 * How a checkpoint is taken away with its bitmaps. Pure. While the machine runs libvirt does both;
 * on a stopped one it only forgets its record (facts C1), so the bitmaps are taken out of the
 * closed images first: cut off in between, a dead checkpoint is left, which nothing relies on.
 */
import { createHash } from 'node:crypto';
import type { PlanReason } from '#contract/actions.ts';
import { checkpointPrefix } from '#engine/hypervisor/checkpoint-owner.ts';
import { domainCheckpointXml } from '#engine/hypervisor/checkpoint-xml.ts';
import { isActive, type CheckpointFacts, type ImageFacts, type MachineFacts } from './facts.ts';
import type { StepAction } from './steps.ts';

/** Of a record that is gone a moment later; libvirt cannot read back one without a time. */
const anyTime = 1000;

export type Doomed = Pick<CheckpointFacts, 'name' | 'disks'>;

export type Removal =
  | { readonly kind: 'possible'; readonly actions: readonly StepAction[] }
  | { readonly kind: 'impossible'; readonly reason: PlanReason };

export function removalOf(facts: MachineFacts, checkpoint: Doomed): Removal {
  return isActive(facts)
    ? { kind: 'possible', actions: whileRunning(facts, checkpoint) }
    : whileStopped(facts, checkpoint);
}

/**
 * libvirt deletes a checkpoint whole or not at all: one bitmap that is gone keeps it from removing
 * the others. So a broken one of several disks is taken apart, a bitmap at a time.
 */
function whileRunning(facts: MachineFacts, { name, disks }: Doomed): readonly StepAction[] {
  const broken = disks.some(({ health }) => health === 'missing' || health === 'inconsistent');
  const there = disks.filter(
    ({ target, health }) =>
      health !== 'missing' && facts.disks.some((disk) => disk.target === target),
  );
  if (there.length === 0) return [{ do: 'delete-checkpoint', name, metadataOnly: true }];
  if (!broken || disks.length === 1)
    return [{ do: 'delete-checkpoint', name, metadataOnly: false }];
  return [
    { do: 'delete-checkpoint', name, metadataOnly: true },
    ...there.flatMap(({ target, bitmap }) => takeOut(target, bitmap)),
  ];
}

/**
 * Takes a bitmap out of the images of a running machine, whole or broken, without talking past
 * libvirt to QEMU, which would taint the machine: libvirt is told of a checkpoint that is just this
 * bitmap, and deletes it. The checkpoint has a name of its own, because libvirt refuses many names
 * a bitmap may have, and because one of the bitmap's name may go on existing for other disks.
 */
export function takeOut(target: string, bitmap: string): readonly StepAction[] {
  const digest = createHash('sha256').update(bitmap).digest('hex').slice(0, 12);
  const name = `${checkpointPrefix}removing-${target}-${digest}`;
  const disks = [{ target, checkpoint: true, bitmap }];
  const xml = domainCheckpointXml({ name, description: '', disks, creationTime: anyTime });
  return [
    { do: 'record-checkpoint', name, xml },
    { do: 'delete-checkpoint', name, metadataOnly: false },
  ];
}

/**
 * The same, where nothing else loses by it: libvirt takes it out of every image of the chain, also
 * of those that another machine or a kept state may stand on.
 */
export function takeOutAlone(
  { disks, name }: MachineFacts,
  target: string,
  bitmap: string,
): Removal {
  const below = disks.find((disk) => disk.target === target)?.chain.slice(1) ?? [];
  const held = below.some(({ format, bitmaps }) =>
    bitmaps === null ? format !== 'raw' : bitmaps.some((one) => one.name === bitmap),
  );
  if (!held) return { kind: 'possible', actions: takeOut(target, bitmap) };
  const detail =
    `Images below ${target} hold a part of ${bitmap}, which another machine or a kept state ` +
    `could need. Switch ${name} off: then it is removed from its own image only.`;
  const title = `${bitmap} cannot be removed while ${name} runs`;
  return { kind: 'impossible', reason: { id: 'bitmap-below', title, detail } };
}

function whileStopped(facts: MachineFacts, { name, disks }: Doomed): Removal {
  const actions: StepAction[] = [];
  for (const { target, bitmap } of disks) {
    const disk = facts.disks.find((candidate) => candidate.target === target);
    // A disk that was taken out of the machine took its bitmap with it.
    if (disk === undefined || disk.leftOut === 'empty') continue;
    if (disk.chain.length === 0) {
      return impossible('images-not-readable', `The image of ${target} cannot be read from here`);
    }
    for (const image of disk.chain) {
      const removal = removeFrom(image, bitmap);
      if (removal === null) continue;
      if (removal.kind === 'impossible') return removal;
      actions.push(...removal.actions);
    }
  }
  return {
    kind: 'possible',
    actions: [...actions, { do: 'delete-checkpoint', name, metadataOnly: true }],
  };
}

/** Of a closed image; null when there is nothing of it to remove. */
export function removeFrom(image: ImageFacts, bitmap: string): Removal | null {
  const { path, format, exists, bitmaps, writable } = image;
  if (exists === false || (format !== 'qcow2' && format !== '')) return null;
  if (bitmaps === null)
    return impossible('images-not-readable', `${path} cannot be read from here`);
  if (!bitmaps.some(({ name }) => name === bitmap)) return null;
  if (!writable) return impossible('images-not-writable', `${path} cannot be changed from here`);
  return { kind: 'possible', actions: [{ do: 'remove-bitmap', image: path, bitmap }] };
}

function impossible(id: string, title: string): Removal {
  const detail =
    'The machine is off, so its bitmap has to be taken out of the closed image, which belongs to ' +
    'another user. Start the machine: then libvirt removes it.';
  return { kind: 'impossible', reason: { id, title, detail } };
}
