/**
 * Bitmaps in the images that libvirt names no checkpoint for. One that was set together with a
 * restore point is as good as ever if it is whole: what it says is exact since its point, whatever
 * libvirt forgot, so libvirt is told of it again. All others only cost, and keep QEMU from going
 * back to a snapshot inside the image (facts A1).
 */
import type { Check } from '#contract/domain.ts';
import type { BitmapHealth } from '#contract/moments.ts';
import { checkpointPrefix, describeOwner } from '#engine/hypervisor/checkpoint-owner.ts';
import { domainCheckpointXml } from '#engine/hypervisor/checkpoint-xml.ts';
import { isActive, type MachineFacts } from '#engine/interlock/facts.ts';
import { chainBitmaps, healthInChain } from './bitmaps.ts';
import type { Diagnosis } from './diagnosis.ts';
import { checkpointOf, type Evidence, type KnownRepository } from './evidence.ts';
import type { KnownCheckpoint } from './find-checkpoints.ts';
import { stableId } from '#engine/interlock/stable-id.ts';

interface Nameless {
  readonly target: string;
  readonly bitmap: string;
  /** The disk's own image. */
  readonly image: string;
  /** Images below hold one of this name too. */
  readonly below: boolean;
  readonly health: BitmapHealth;
}

interface Lost {
  readonly repository: KnownRepository;
  readonly point: { readonly id: string; readonly time: number };
}

export function findBitmaps(
  facts: MachineFacts,
  evidence: Evidence,
  known: readonly KnownCheckpoint[],
): readonly Diagnosis[] {
  const nameless = namelessBitmaps(facts, evidence, known);
  const lost = evidence.repositories.flatMap((one) => lostReference(one, known, nameless) ?? []);
  const found = lost.map((one) => lostCheckpoint(facts, evidence, one, nameless));
  const taken = new Set(lost.map(({ point }) => checkpointOf(point.id)));
  const orphans = nameless.filter((one) => !taken.has(one.bitmap) || !isUsable(one));
  return [...found, ...orphans.map((one) => orphan(facts, evidence, one))];
}

/**
 * Only of the images that the disks write to: those below are not written any more, so a bitmap in
 * one costs nothing, and another machine or a kept state that stands on it may need it.
 */
function namelessBitmaps(
  facts: MachineFacts,
  { qemu, repositories, sources }: Evidence,
  known: readonly KnownCheckpoint[],
): readonly Nameless[] {
  const named = (target: string, bitmap: string) =>
    known.some(({ disks }) => disks.some((one) => one.target === target && one.bitmap === bitmap));
  return facts.disks.flatMap((disk) => {
    const chain = chainBitmaps(facts, disk, qemu);
    const [top, ...below] = chain;
    return (
      (top?.bitmaps ?? [])
        .filter(({ name }) => !named(disk.target, name))
        // Of a point whose manifest cannot be read nobody can say whether the record is whole.
        .filter(({ name }) => !isOfPoint(repositories, name) || sources.has(name))
        .map(({ name: bitmap }) => ({
          target: disk.target,
          bitmap,
          image: top?.path ?? '',
          below: below.some(
            ({ bitmaps }) => bitmaps?.some(({ name }) => name === bitmap) !== false,
          ),
          health: healthInChain(chain, bitmap, sources.get(bitmap)?.get(disk.target) ?? null),
        }))
    );
  });
}

function isOfPoint(repositories: readonly KnownRepository[], name: string): boolean {
  return repositories.some(({ points }) =>
    (points ?? []).some(({ id }) => checkpointOf(id) === name),
  );
}

/** Of a machine that runs only QEMU knows; libvirt and each backup look again before they rely. */
function isUsable({ health }: Nameless): boolean {
  return health === 'healthy' || health === 'unknown';
}

/**
 * The newest point whose bitmap is there and whole, unless libvirt knows a checkpoint of a point as
 * new or newer that is not dead: the next backup starts from that.
 */
function lostReference(
  repository: KnownRepository,
  known: readonly KnownCheckpoint[],
  nameless: readonly Nameless[],
): Lost | null {
  const newestFirst = [...(repository.points ?? [])].sort((a, b) => (a.id < b.id ? 1 : -1));
  for (const point of newestFirst) {
    const name = checkpointOf(point.id);
    const listed = known.find(
      (one) => one.facts.name === name && one.repository?.id === repository.id,
    );
    if (listed !== undefined && !listed.dead) return null;
    if (listed !== undefined) continue; // its name is taken until the dead one is gone
    if (nameless.some((one) => one.bitmap === name && isUsable(one))) return { repository, point };
  }
  return null;
}

function lostCheckpoint(
  facts: MachineFacts,
  evidence: Evidence,
  { repository, point }: Lost,
  nameless: readonly Nameless[],
): Diagnosis {
  const name = checkpointOf(point.id);
  const whole = nameless.filter((one) => one.bitmap === name && isUsable(one));
  const sure = whole.every(({ health }) => health === 'healthy');
  const targets = whole.map(({ target }) => target);
  return {
    finding: {
      id: stableId('lost-checkpoint', name),
      kind: 'lost-checkpoint',
      severity: 'problem',
      title: `libvirt forgot the reference of ${repository.name}`,
      detail:
        `The images of ${targets.join(', ')} still record what changed since the restore point ` +
        `of ${new Date(point.time).toISOString()}, but libvirt does not list its checkpoint any ` +
        `more. As it is, the next backup to ${repository.name} reads everything again.`,
      repair:
        'Tells libvirt of it again, so that the next backup reads only what changed' +
        (sure ? '.' : '. Whether the record is whole is checked by that backup before it relies.'),
    },
    cure: {
      do: 'record-checkpoint',
      name,
      xml: domainCheckpointXml({
        name,
        description: describeOwner({
          installation: evidence.installation,
          repository: repository.id,
        }),
        creationTime: point.time,
        disks: facts.disks.map(({ target }) => ({ target, checkpoint: targets.includes(target) })),
      }),
    },
    consent: null,
    rereads: [],
  };
}

function orphan(facts: MachineFacts, evidence: Evidence, found: Nameless): Diagnosis {
  const { target, bitmap, image, below, health } = found;
  const ours = isOfPoint(evidence.repositories, bitmap);
  const inTheWay = facts.snapshots.some(({ storage }) => storage !== 'external');
  // libvirt would take it out of every image of the chain.
  const later = isActive(facts) && below;
  return {
    finding: {
      id: stableId('orphan-bitmap', target, bitmap),
      kind: 'orphan-bitmap',
      severity: inTheWay ? 'problem' : 'notice',
      title: `${target} records changes for a checkpoint that is no more`,
      detail:
        `The bitmap ${bitmap} is in ${image}, and libvirt has no checkpoint of it` +
        `${health === 'inconsistent' ? '. It cannot be used' : ''}. ${costWords(inTheWay)}` +
        (later ? ` ${laterWords(facts)}` : ''),
      repair: later
        ? null
        : isActive(facts)
          ? 'Removes the bitmap from the image while the machine runs.'
          : 'Removes the bitmap from the closed image.',
    },
    cure: later ? null : { do: 'remove-bitmap', target, bitmap, image },
    consent: ours ? null : consent(target, bitmap),
    rereads: [],
  };
}

function laterWords({ name }: MachineFacts): string {
  return (
    'Images below hold a part of it, which another machine or a kept state could need, so it is ' +
    `only removed while ${name} is off, and only from its own image.`
  );
}

function costWords(inTheWay: boolean): string {
  return inTheWay
    ? 'While it is there, QEMU does not go back to a snapshot inside the image.'
    : 'It costs a little at every write, and keeps an internal snapshot from being gone back to.';
}

/** A bitmap says nothing of who made it. */
function consent(target: string, bitmap: string): Check {
  const detail = bitmap.startsWith(checkpointPrefix)
    ? 'No restore point known here belongs to it. Another installation of Waymark could have ' +
      'made it; its next backup would then read everything again.'
    : 'Another program could have made it and still start from it.';
  return {
    id: stableId('bitmap', target, bitmap),
    level: 'warning',
    title: `${bitmap} on ${target} may belong to somebody else`,
    detail,
    accept: `Remove ${bitmap} from ${target}`,
  };
}
