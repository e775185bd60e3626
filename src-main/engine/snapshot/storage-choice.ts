/**
 * Whether a snapshot is kept inside the images (internal) or beside them (external), and why.
 *
 *   row  machine           asked       internal                      external
 *   B5   any               any         not beside external ones      not beside internal ones
 *   B9   on                disks only  never                         yes
 *   B8   any               any         only if every disk is qcow2   any format
 *                                      and takes part
 *   B6   pflash firmware   any         from libvirt 10.10 on, with   yes, without the firmware's
 *                                      qcow2 variables               variables
 *   B7   any               any         not on libvirt 11.2           yes
 *   B10  any               any         a disk that is left out       named as left out
 *                                      forbids it, unless it is
 *                                      empty or read-only
 *   B15  any               any         yes                           not above 200 images
 *   B21  host devices, on  memory      never                         never
 *   –    on, some disks    memory      never                         never: it fits only all disks
 *   –    disk on a block   any         yes, as qcow2                 no folder for an overlay
 *        device
 *
 * Where both are possible it is internal: every version can go back to it and delete it.
 */
import type { PlanReason } from '#contract/actions.ts';
import type { SnapshotStorage } from '#contract/moments.ts';
import { isActive, type DiskFacts, type MachineFacts } from '#engine/interlock/facts.ts';
import { leftOutWords } from './blockers.ts';
import { deletesExternal, internalRevert, internalWithPflash } from './capabilities.ts';
import { listed } from './words.ts';

/** libvirt's limit of images in a chain (qemu_domain.c). */
export const maxChainImages = 200;

export interface Wanted {
  readonly memory: boolean;
  readonly storage: 'auto' | SnapshotStorage;
  /** Targets; null: every disk that can take part. */
  readonly disks: readonly string[] | null;
}

export interface StorageChoice {
  readonly chosen: SnapshotStorage;
  readonly why: string;
  readonly other: { readonly allowed: boolean; readonly why: string };
}

export type StorageAnswer =
  { readonly choice: StorageChoice } | { readonly refused: readonly PlanReason[] };

/** The disks that take part. */
export function chosenDisks(facts: MachineFacts, { disks }: Wanted): readonly DiskFacts[] {
  return facts.disks.filter(
    ({ target, leftOut }) => leftOut === null && (disks === null || disks.includes(target)),
  );
}

export function chooseStorage(facts: MachineFacts, wanted: Wanted): StorageAnswer {
  const against = {
    internal: [...againstBoth(facts, wanted), ...againstInternal(facts, wanted)],
    external: [...againstBoth(facts, wanted), ...againstExternal(facts, wanted)],
  };
  const order: readonly SnapshotStorage[] =
    wanted.storage === 'auto' ? ['internal', 'external'] : [wanted.storage];
  const chosen = order.find((storage) => against[storage].length === 0);
  if (chosen === undefined) return { refused: uniqueReasons(order.flatMap((one) => against[one])) };
  const other = chosen === 'internal' ? 'external' : 'internal';
  const [obstacle] = against[other];
  const allowed = obstacle === undefined;
  const why = allowed ? otherIsFine[other] : sentence(obstacle);
  const asked = wanted.storage !== 'auto';
  return {
    choice: { chosen, why: whyChosen(chosen, asked, obstacle), other: { allowed, why } },
  };
}

const otherIsFine: Readonly<Record<SnapshotStorage, string>> = {
  internal: 'It would be kept inside the images, and the chains would not grow.',
  external: 'A new image would be put on each disk; reading goes through one image more.',
};

function whyChosen(
  chosen: SnapshotStorage,
  asked: boolean,
  obstacle: PlanReason | undefined,
): string {
  if (asked) return 'It was asked for.';
  if (chosen === 'external' && obstacle !== undefined) {
    return `It cannot be kept inside the images. ${sentence(obstacle)}`;
  }
  if (obstacle?.id === 'existing-internal') return 'As the snapshots this machine has already.';
  return 'Every version of libvirt can go back to it and delete it.';
}

function sentence({ title, detail }: PlanReason): string {
  return `${title}. ${detail}`;
}

function uniqueReasons(reasons: readonly PlanReason[]): readonly PlanReason[] {
  return reasons.filter(({ id }, index) => reasons.findIndex((one) => one.id === id) === index);
}

/** Which kinds the machine has; `mixed` when other tools made both. */
function kindsPresent({ snapshots }: MachineFacts): SnapshotStorage | 'mixed' | null {
  const kinds = new Set(snapshots.map(({ storage }) => storage));
  if (kinds.has('mixed') || kinds.size > 1) return 'mixed';
  const [only] = kinds;
  return only ?? null;
}

function againstBoth(facts: MachineFacts, wanted: Wanted): PlanReason[] {
  const reasons: PlanReason[] = [];
  const unknown = (wanted.disks ?? []).filter((target) => !takesPart(facts, target));
  if (unknown.length > 0) {
    const reason = (target: string) => {
      const disk = facts.disks.find((one) => one.target === target);
      return disk === undefined
        ? `${target} is not there`
        : `${target} ${leftOutWords(disk.leftOut)}`;
    };
    reasons.push({
      id: 'unknown-disk',
      title: 'A disk that was named cannot take part',
      detail: `${unknown.map(reason).join(', ')}.`,
    });
  }
  if (kindsPresent(facts) === 'mixed') {
    reasons.push({
      id: 'existing-mixed',
      title: 'This machine has snapshots of both kinds',
      detail:
        'Other tools made internal and external ones. Each new one makes it harder to delete any ' +
        'without losing data: delete those of one kind first.',
    });
  }
  if (wanted.memory && isActive(facts) && facts.definition.hostDevices.length > 0) {
    reasons.push({
      id: 'host-devices',
      title: 'The memory of a machine with devices of the host cannot be saved',
      detail: `It uses ${listed(facts.definition.hostDevices)}.`,
    });
  }
  const omitted = omittedDisks(facts, wanted);
  if (wanted.memory && isActive(facts) && omitted.length > 0) {
    reasons.push({
      id: 'memory-needs-all',
      title: 'Memory fits only all of the disks',
      detail: `${listed(omitted)} would have changed when the machine goes on from it.`,
    });
  }
  return reasons;
}

/** Targets that could take part and were not named. */
function omittedDisks({ disks }: MachineFacts, { disks: named }: Wanted): readonly string[] {
  if (named === null) return [];
  return disks
    .filter(({ target, leftOut }) => leftOut === null && !named.includes(target))
    .map(({ target }) => target);
}

function takesPart({ disks }: MachineFacts, target: string): boolean {
  return disks.some((disk) => disk.target === target && disk.leftOut === null);
}

function againstInternal(facts: MachineFacts, wanted: Wanted): PlanReason[] {
  return [
    existing(facts, 'external'),
    isActive(facts) && !wanted.memory
      ? {
          id: 'disks-only-running',
          title: 'Without memory it goes beside the images',
          detail:
            'QEMU keeps the disks of a running machine inside its images only with its memory.',
        }
      : null,
    pflash(facts),
    wholeMachine(facts, wanted),
    onlyQcow2(facts, wanted),
    internalRevert(facts.host) === 'broken'
      ? {
          id: 'libvirt-11.2',
          title: 'This libvirt cannot go back to internal snapshots',
          detail: 'libvirt 11.2 fails to; 11.4 mended it.',
        }
      : null,
  ].filter((reason) => reason !== null);
}

function existing(facts: MachineFacts, storage: SnapshotStorage): PlanReason | null {
  if (kindsPresent(facts) !== storage) return null;
  return storage === 'external'
    ? {
        id: 'existing-external',
        title: 'This machine has external snapshots',
        detail: 'Both kinds on one machine have cost people their base image.',
      }
    : {
        id: 'existing-internal',
        title: 'This machine has internal snapshots',
        detail: 'Both kinds on one machine have cost people their base image.',
      };
}

function pflash({ host, definition: { firmware } }: MachineFacts): PlanReason | null {
  if (firmware.kind !== 'uefi' || !firmware.pflash) return null;
  const title = 'UEFI firmware forbids internal snapshots';
  if (!internalWithPflash(host)) {
    const detail =
      'libvirt before 10.10 cannot keep the variables of the firmware with such a snapshot.';
    return { id: 'pflash', title, detail };
  }
  if (firmware.nvramFormat === 'qcow2') return null;
  const detail = `Its variables are kept as ${firmware.nvramFormat}; as qcow2 they could be part.`;
  return { id: 'pflash-variables', title, detail };
}

/** Drives that libvirt leaves out of internal snapshots by itself. */
const harmless: readonly DiskFacts['leftOut'][] = ['cdrom', 'empty', 'read-only'];

function wholeMachine(facts: MachineFacts, wanted: Wanted): PlanReason | null {
  const title = 'An internal snapshot takes every disk';
  const missing = facts.disks.filter(
    ({ leftOut }) => leftOut !== null && !harmless.includes(leftOut),
  );
  if (missing.length > 0) {
    const detail = missing.map((disk) => `${disk.target} ${leftOutWords(disk.leftOut)}`);
    return { id: 'left-out-disk', title, detail: `${listed(detail)}.` };
  }
  const omitted = omittedDisks(facts, wanted);
  if (omitted.length === 0) return null;
  return { id: 'not-all-disks', title, detail: `${listed(omitted)} would be left out.` };
}

function onlyQcow2(facts: MachineFacts, wanted: Wanted): PlanReason | null {
  const others = chosenDisks(facts, wanted).filter(({ chain }) => chain[0]?.format !== 'qcow2');
  if (others.length === 0) return null;
  const formats = others.map(
    ({ target, chain }) => `${target} is ${chain[0]?.format ?? 'unknown'}`,
  );
  return {
    id: 'not-qcow2',
    title: 'Only qcow2 images can hold a snapshot',
    detail: `${listed(formats)}.`,
  };
}

function againstExternal(facts: MachineFacts, wanted: Wanted): PlanReason[] {
  const disks = chosenDisks(facts, wanted);
  const targets = (some: readonly DiskFacts[]) => listed(some.map(({ target }) => target));
  const onBlock = disks.filter(({ target }) => isBlockDevice(facts, target));
  const deep = disks.filter(({ chain }) => chain.length >= maxChainImages);
  return [
    existing(facts, 'internal'),
    deletesExternal(facts.host)
      ? null
      : {
          id: 'old-libvirt',
          title: 'This libvirt cannot delete external snapshots',
          detail: 'libvirt can from 9.0 on.',
        },
    onBlock.length === 0
      ? null
      : {
          id: 'block-device',
          title: 'An external snapshot needs a folder beside the image',
          detail: `The image of ${targets(onBlock)} is a block device.`,
        },
    deep.length === 0
      ? null
      : {
          id: 'chain-full',
          title: 'The chain of images is as long as libvirt allows',
          detail:
            `${targets(deep)} stands on ${maxChainImages} images. Delete old snapshots: their ` +
            'images are merged.',
        },
  ].filter((reason) => reason !== null);
}

function isBlockDevice({ definition }: MachineFacts, target: string): boolean {
  return definition.disks.some((disk) => disk.target === target && disk.sourceKind === 'block');
}
