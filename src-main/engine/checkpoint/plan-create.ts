/**
 * Plans a checkpoint that a person asks for. Pure. libvirt makes one only while the machine runs
 * (facts C1), and QEMU keeps its bitmap only in a qcow2 image of version 3 (C2, C3); a disk that
 * cannot be marked is left out and named with the way out, as a backup does.
 */
import type { MachineAction, PlanReason } from '#contract/actions.ts';
import type { Check } from '#contract/domain.ts';
import { describeOwner, handMadePrefix } from '#engine/hypervisor/checkpoint-owner.ts';
import { domainCheckpointXml } from '#engine/hypervisor/checkpoint-xml.ts';
import { isActive, type DiskFacts, type MachineFacts } from '#engine/interlock/facts.ts';
import { refusedPlan, type EnginePlan } from '#engine/interlock/plan.ts';
import { reasonsToWait } from '#engine/interlock/reasons-to-wait.ts';

/** From this many on, one more is worth a word: each is a bitmap in memory and in the image. */
const manyCheckpoints = 3;
/** More bitmaps than this QEMU does not keep in one image (facts C8). */
const maxBitmaps = 65_535;
/** libvirt asks for no other granularity (C9); QEMU then takes the cluster size, at most this. */
const granularityBytes = 64 * 1024;
/** First libvirt that keeps each checkpoint's record apart and can say whether it is whole. */
const minLibvirt = 6_010_000;

export type CheckpointCreate = Extract<MachineAction, { kind: 'checkpoint-create' }>;

/** `installation` is written into it, so that it is known as ours later. */
export function planCheckpointCreate(
  facts: MachineFacts,
  action: CheckpointCreate,
  installation: string,
): EnginePlan {
  const words = {
    action,
    title: `Create a checkpoint of ${facts.name}`,
    summary:
      'From now on QEMU also remembers what changes after this moment. It is a mark to measure ' +
      'from, not a point to go back to.',
    button: 'Create checkpoint',
  };
  const marked = facts.disks.filter((disk) => whyNotMarked(disk) === null);
  const checks = checksOf(facts, marked);
  const reasons = [...reasonsToWait(facts), ...refusals(facts, marked)];
  if (reasons.length > 0) return refusedPlan(words, reasons, { checks });
  const name = nextName(facts);
  return {
    ...words,
    verdict: 'allowed',
    reasons: [],
    alternatives: [],
    steps: [
      {
        title: `Create the checkpoint ${name}`,
        detail: `Of ${listed(marked)}.`,
        actions: [{ do: 'create-checkpoint', name, xml: checkpointXml(facts, name, installation) }],
        undo: [{ do: 'delete-checkpoint', name, metadataOnly: false }],
        undoWords: 'Delete it',
        bytes: bitmapBytes(marked),
        seconds: 0,
        downtimeSeconds: 0,
      },
    ],
    afterwards: [],
    checks,
    costs: {
      bytes: bitmapBytes(marked),
      freeBytes: null,
      seconds: 0,
      downtimeSeconds: 0,
      rereads: [],
    },
    storage: null,
    undo: 'Delete the checkpoint.',
    tier: 1,
    confirm: null,
    lost: [],
    stays: `${facts.name} runs on, and its disks, snapshots and restore points stay as they are.`,
    done: `What changes on ${facts.name} is now recorded from ${name} on.`,
    undoAction: { kind: 'checkpoint-delete', names: [name] },
  };
}

function checkpointXml(facts: MachineFacts, name: string, installation: string): string {
  return domainCheckpointXml({
    name,
    description: describeOwner({ installation, repository: null }),
    // Every disk is named: libvirt takes part in each it is not told about.
    disks: facts.disks.map((disk) => ({
      target: disk.target,
      checkpoint: whyNotMarked(disk) === null,
    })),
  });
}

/**
 * The day and a number, so that the plan that is shown and the one that starts agree. The number is
 * above every one of that day in libvirt or in an image: a bitmap's name is never used twice
 * (facts A9), because an image that was put back may still carry the older one.
 */
function nextName({ at, checkpoints, disks }: MachineFacts): string {
  const prefix = `${handMadePrefix}${new Date(at).toISOString().slice(0, 10)}-`;
  const inImages = disks.flatMap(({ chain }) => chain.flatMap(({ bitmaps }) => bitmaps ?? []));
  const numbers = [...checkpoints, ...inImages]
    .filter(({ name }) => name.startsWith(prefix))
    .map(({ name }) => Number.parseInt(name.slice(prefix.length), 10) || 0);
  return `${prefix}${Math.max(0, ...numbers) + 1}`;
}

interface Unmarked {
  readonly title: string;
  readonly detail: string;
  /** Nobody expects it to be marked. */
  readonly unremarkable: boolean;
}

const leftOutWords: Readonly<Record<NonNullable<DiskFacts['leftOut']>, string>> = {
  cdrom: 'is a CD-ROM',
  floppy: 'is a floppy',
  empty: 'is empty',
  'read-only': 'is read-only, so nothing on it changes',
  shared: 'is shared with other machines, whose writes QEMU does not see',
  passthrough: 'is a device of the host handed through',
  network: 'is on the network, not an image on this host',
  transient: 'forgets its changes when the machine stops',
  'sd-bus': 'is on an SD bus, where QEMU runs no block job',
  'vhost-user': 'is served by another program, past QEMU',
};

/** Why QEMU cannot keep a bitmap for it; null when it can. */
function whyNotMarked({ target, leftOut, chain }: DiskFacts): Unmarked | null {
  const title = `${target} is not marked`;
  if (leftOut !== null) {
    const unremarkable = ['cdrom', 'floppy', 'empty', 'read-only'].includes(leftOut);
    return { title, detail: `${target} ${leftOutWords[leftOut]}.`, unremarkable };
  }
  const top = chain[0];
  if (top === undefined)
    return { title, detail: `The image of ${target} is not known.`, unremarkable: false };
  if (top.format !== 'qcow2') {
    const detail =
      `An image of the format ${top.format} cannot remember what changed. Take an external ` +
      'snapshot, which puts a qcow2 image on top of it, or convert it to qcow2.';
    return { title, detail, unremarkable: false };
  }
  if (top.oldFormat) {
    const detail =
      'Its image is a qcow2 of version 2, which cannot remember what changed. With the machine ' +
      `off: qemu-img amend -o compat=1.1 ${top.path}`;
    return { title, detail, unremarkable: false };
  }
  return null;
}

function refusals(facts: MachineFacts, marked: readonly DiskFacts[]): readonly PlanReason[] {
  const { name, host, disks } = facts;
  const reasons: PlanReason[] = [];
  if (!isActive(facts)) {
    reasons.push({
      id: 'not-running',
      title: `${name} does not run`,
      detail:
        'QEMU keeps the record of what changes, so a checkpoint can only be created while the ' +
        `machine runs or is paused. Start ${name}, then create it. A backup needs none ` +
        'beforehand.',
    });
  }
  if (host.libvirt < minLibvirt) {
    reasons.push({
      id: 'libvirt-version',
      title: 'libvirt is too old',
      detail: `The libvirt of ${host.name} cannot keep checkpoints. Update it to 6.10 or newer.`,
    });
  }
  if (marked.length === 0) {
    const why = disks.flatMap((disk) => whyNotMarked(disk)?.detail ?? []);
    reasons.push({
      id: 'no-disk',
      title: `No disk of ${name} can be marked`,
      detail: disks.length === 0 ? 'It has no disks.' : why.join(' '),
    });
  }
  if (Math.max(0, ...marked.map(bitmapCount)) >= maxBitmaps) {
    reasons.push({
      id: 'too-many',
      title: 'There are too many checkpoints',
      detail: `QEMU keeps at most ${maxBitmaps} bitmaps in one image. Delete some first.`,
    });
  }
  return reasons;
}

function bitmapCount({ chain }: DiskFacts): number {
  return chain[0]?.bitmaps?.length ?? 0;
}

function checksOf(facts: MachineFacts, marked: readonly DiskFacts[]): readonly Check[] {
  const checks: Check[] = facts.disks.flatMap((disk) => {
    const why = whyNotMarked(disk);
    if (why === null) return [];
    const level = why.unremarkable ? ('ok' as const) : ('warning' as const);
    return [{ id: `not-marked-${disk.target}`, level, title: why.title, detail: why.detail }];
  });
  const { checkpoints, snapshots, persistent, name } = facts;
  if (checkpoints.length >= manyCheckpoints) {
    checks.push({
      id: 'many-checkpoints',
      level: 'warning',
      title: `${name} has ${checkpoints.length} checkpoints already`,
      detail:
        'QEMU keeps each one up to date at every write, in memory and in the image' +
        `${costWords(marked)}. Delete those that nothing starts from.`,
    });
  }
  if (snapshots.some(({ storage }) => storage !== 'external')) {
    checks.push({
      id: 'internal-snapshots',
      level: 'ok',
      title: 'Reverting removes it',
      detail:
        'A snapshot inside the image can only be gone back to without checkpoints. Waymark ' +
        'removes them as a step of that revert.',
    });
  }
  if (!persistent) {
    checks.push({
      id: 'transient-machine',
      level: 'warning',
      title: `${name} is transient`,
      detail:
        'libvirt forgets it with all its checkpoints when it stops. The bitmaps stay in the ' +
        'images, where the doctor finds them.',
    });
  }
  return checks;
}

/** What one more takes, for disks whose size is known. */
function bitmapBytes(marked: readonly DiskFacts[]): number | null {
  let bytes = 0;
  for (const { chain } of marked) {
    const size = chain[0]?.sizeBytes ?? null;
    if (size === null) return null;
    bytes += Math.ceil(size / granularityBytes / 8);
  }
  return bytes;
}

function costWords(marked: readonly DiskFacts[]): string {
  const bytes = bitmapBytes(marked);
  return bytes === null ? '' : `, ${Math.max(1, Math.ceil(bytes / 1024))} KiB each`;
}

function listed(disks: readonly DiskFacts[]): string {
  return disks.map(({ target }) => target).join(', ');
}
