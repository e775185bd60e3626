/** Checkpoints of no use that libvirt lists: dead ones, and those of backups that never were. */
import type { BitmapHealth } from '#contract/moments.ts';
import { checkpointOwner } from '#engine/hypervisor/checkpoint-owner.ts';
import { parseCheckpoint } from '#engine/hypervisor/checkpoint-xml.ts';
import { isActive, type CheckpointFacts, type MachineFacts } from '#engine/interlock/facts.ts';
import { chainBitmaps, healthInChain, type ChainBitmaps } from './bitmaps.ts';
import { consentTo } from '#engine/interlock/rereads.ts';
import type { Diagnosis } from './diagnosis.ts';
import {
  checkpointOf,
  type Evidence,
  type KnownRepository,
  type PointSources,
} from './evidence.ts';
import { stableId } from '#engine/interlock/stable-id.ts';

/** A checkpoint with what all the sources together say of it. */
export interface KnownCheckpoint {
  readonly facts: CheckpointFacts;
  readonly disks: CheckpointFacts['disks'];
  /** The repository it was made for, if that is known here. */
  readonly repository: KnownRepository | null;
  readonly dead: boolean;
}

/** Health from the closed images or QEMU itself where they tell, else what libvirt said. */
export function knownCheckpoints(
  facts: MachineFacts,
  evidence: Evidence,
): readonly KnownCheckpoint[] {
  return facts.checkpoints.map((checkpoint) => {
    const sources = evidence.sources.get(checkpoint.name) ?? null;
    const disks = checkpoint.disks.map((one) => ({
      ...one,
      health: healthOf(facts, evidence, sources, one),
    }));
    const id = checkpointOwner(parseCheckpoint(checkpoint.xml))?.repository ?? null;
    return {
      facts: checkpoint,
      disks,
      repository: evidence.repositories.find((repository) => repository.id === id) ?? null,
      dead: disks.some(({ health }) => isBroken(health)),
    };
  });
}

function healthOf(
  facts: MachineFacts,
  { qemu }: Evidence,
  sources: PointSources | null,
  { target, bitmap, health }: CheckpointFacts['disks'][number],
): BitmapHealth {
  const disk = facts.disks.find((candidate) => candidate.target === target);
  if (disk === undefined || disk.chain.length === 0) return health;
  const chain = chainBitmaps(facts, disk, qemu);
  const since = sources?.get(target) ?? null;
  if (isActive(facts) && qemu === null) {
    // The file of the active image says nothing of a bitmap that was made since the start. Those
    // below are not written any more, so their files say all.
    return health === 'healthy' && isTornBelow(chain, bitmap, since) ? 'inconsistent' : health;
  }
  const told = healthInChain(chain, bitmap, since);
  return told === 'unknown' ? health : told;
}

/** Part of the record lies below the active image, down to the one that was active at its begin. */
function isTornBelow(chain: ChainBitmaps, bitmap: string, since: string | null): boolean {
  const lowest = chain.findIndex(({ path }) => path === since);
  return chain
    .slice(1, lowest + 1)
    .some(({ bitmaps }) => bitmaps?.every(({ name }) => name !== bitmap) === true);
}

function isBroken(health: BitmapHealth): boolean {
  return health === 'inconsistent' || health === 'missing';
}

export function findCheckpoints(
  facts: MachineFacts,
  known: readonly KnownCheckpoint[],
): readonly Diagnosis[] {
  return known.flatMap((checkpoint) => pending(facts, checkpoint) ?? dead(checkpoint) ?? []);
}

/** Of a backup of ours whose point is not there, while nothing is being backed up. */
function pending(facts: MachineFacts, checkpoint: KnownCheckpoint): Diagnosis | null {
  const { name, owner } = checkpoint.facts;
  const { repository } = checkpoint;
  if (owner !== 'ours' || repository?.points === null || repository === null) return null;
  if (facts.waymarkJob !== null || facts.libvirtJob !== null) return null;
  if (repository.points.some(({ id }) => checkpointOf(id) === name)) return null;
  return {
    finding: {
      id: stableId('pending-checkpoint', name),
      kind: 'pending-checkpoint',
      severity: 'notice',
      title: `${name} belongs to no restore point`,
      detail:
        `A backup to ${repository.name} set it. Either that was cut off before its restore point ` +
        'was complete, or the point was deleted since. Nothing starts from it, and QEMU keeps it ' +
        'up to date at every write.',
      repair: 'Deletes the checkpoint. Restore points and the next backup are not affected.',
    },
    cure: { do: 'remove-checkpoint', checkpoint: { name, disks: checkpoint.disks } },
    consent: null,
    rereads: [],
  };
}

function dead({ facts, disks, dead: isDead }: KnownCheckpoint): Diagnosis | null {
  if (!isDead) return null;
  const { name, owner, reference, repository } = facts;
  const broken = disks.filter(({ health }) => isBroken(health));
  const rereads = reference && repository !== null ? [repository] : [];
  return {
    finding: {
      id: stableId('dead-checkpoint', name),
      kind: 'dead-checkpoint',
      severity: owner === 'ours' && !reference ? 'notice' : 'problem',
      title:
        rereads[0] === undefined
          ? `The checkpoint ${name} is broken`
          : `The reference of ${rereads[0]} is broken`,
      detail: `${whatIsBroken(name, broken)} ${whatItMeans(facts)}`,
      repair:
        'Deletes the checkpoint and what is left of it in the images.' +
        (rereads[0] === undefined ? '' : ` The next backup to ${rereads[0]} sets a new one.`),
    },
    cure: { do: 'remove-checkpoint', checkpoint: { name, disks } },
    consent: owner === 'ours' ? null : consentTo(facts),
    rereads,
  };
}

function whatIsBroken(name: string, broken: CheckpointFacts['disks']): string {
  const targets = broken.map(({ target }) => target).join(', ');
  if (broken.every(({ health }) => health === 'missing')) {
    return (
      `libvirt lists ${name}, but the images of ${targets} have no such record: another image ` +
      'lies there now, or QEMU was ended before it wrote it down.'
    );
  }
  return (
    `libvirt lists ${name}, but what QEMU recorded for it on ${targets} cannot be used: QEMU was ` +
    'killed or lost its power before it closed the images, or an image was exchanged.'
  );
}

function whatItMeans({ owner, reference, repository }: CheckpointFacts): string {
  if (reference && repository !== null) {
    return (
      `The next backup to ${repository} notices, reads everything and stores only what differs. ` +
      'No restore point is affected.'
    );
  }
  if (owner === 'ours') return 'Nothing starts from it.';
  return 'A backup of the program that made it cannot start from it any more.';
}
