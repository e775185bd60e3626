/** Images and snapshots: what is missing, open to others, or was left half deleted. */
import { isActive, type ImageFacts, type MachineFacts } from '#engine/interlock/facts.ts';
import type { Diagnosis } from './diagnosis.ts';
import type { Evidence } from './evidence.ts';
import { stableId } from '#engine/interlock/stable-id.ts';

const othersMayRead = 0o004;
const groupMayRead = 0o040;
const groupMayWrite = 0o020;
const ownersBits = 0o700;
const groupsBits = 0o070;

export function findImages(facts: MachineFacts, evidence: Evidence): readonly Diagnosis[] {
  return [
    ...brokenChains(facts),
    ...misled(evidence),
    ...lostMoments(facts),
    ...unfinishedDeletes(facts),
    ...openOverlays(facts),
  ];
}

type Problem = Pick<Diagnosis['finding'], 'id' | 'kind' | 'title' | 'detail'>;

/** Only a person can mend it: what is gone is nowhere here. */
function hopeless(problem: Problem): Diagnosis {
  const finding = { ...problem, severity: 'problem' as const, repair: null };
  return { finding, cure: null, consent: null, rereads: [] };
}

function brokenChains(facts: MachineFacts): readonly Diagnosis[] {
  const active = isActive(facts);
  return facts.disks.flatMap(({ target, chain }) =>
    chain.flatMap((image, index) => {
      if (image.exists !== false) return [];
      const missing = `${image.path} is not there.`;
      const detail = active
        ? `${missing} QEMU still has it open, so ${facts.name} runs on; once it stops, the disk ` +
          'is gone. Back it up now, while it runs.'
        : `${missing} ${facts.name} cannot start. Put the file back, or restore the disk from a ` +
          'restore point.';
      return [
        hopeless({
          id: stableId('broken-chain', target, image.path),
          kind: 'broken-chain',
          title:
            index === 0
              ? `The image of ${target} is missing`
              : `An image below ${target} is missing`,
          detail,
        }),
      ];
    }),
  );
}

function misled({ misled: disks }: Evidence): readonly Diagnosis[] {
  return disks.map(({ target, told, found }) =>
    hopeless({
      id: stableId('broken-chain', target, told, found),
      kind: 'broken-chain',
      title: `${target} stands on another image than libvirt thinks`,
      detail:
        `QEMU has ${told} open below it, but the image above names ${found}. At the next start ` +
        'the machine gets that one. Back it up while it runs, then find out who changed the image.',
    }),
  );
}

/** Images that snapshots froze and that no disk of the machine uses now. */
function lostMoments(facts: MachineFacts): readonly Diagnosis[] {
  const inChains = new Set(facts.disks.flatMap(({ chain }) => chain.map(({ path }) => path)));
  return facts.snapshots.flatMap(({ record, frozen }) =>
    frozen
      .filter(({ path, exists }) => exists === false && !inChains.has(path))
      .map(({ target, path }) =>
        hopeless({
          id: stableId('broken-chain', record.name, target, path),
          kind: 'broken-chain',
          title: `The snapshot ${record.name} has lost an image`,
          detail:
            `${path}, which holds ${target} as it was then, is not there. The snapshot cannot be ` +
            'gone back to. Put the file back, or delete the snapshot.',
        }),
      ),
  );
}

/**
 * libvirt marks the snapshot into whose image the one after it was being merged, and refuses every
 * other use of it until that one's deletion is begun again and ends (facts B19).
 */
function unfinishedDeletes({ snapshots }: MachineFacts): readonly Diagnosis[] {
  return snapshots
    .filter(({ record }) => record.disks.some(({ deleting }) => deleting))
    .map(({ record: { name } }) => {
      const after = snapshots.filter(
        ({ record, storage }) => record.parent === name && storage === 'external',
      );
      const only = after.length === 1 ? (after[0]?.record.name ?? null) : null;
      return {
        finding: {
          id: stableId('unfinished-delete', name),
          kind: 'unfinished-delete' as const,
          severity: 'problem' as const,
          title:
            only === null
              ? `The deletion of a snapshot after ${name} was cut off`
              : `The deletion of ${only} was cut off`,
          detail:
            `libvirt was merging it into the image of ${name}. Until that is finished, ${name} ` +
            'can neither be gone back to nor be deleted. The machine’s present state is not ' +
            'affected.',
          repair: only === null ? null : `Deletes ${only} again, which finishes the merge.`,
        },
        cure: only === null ? null : { do: 'delete-snapshot' as const, name: only },
        consent: null,
        rereads: [],
      };
    });
}

/** Overlays made while a machine is off are readable by everybody (CVE-2025-13193, facts B16). */
function openOverlays(facts: MachineFacts): readonly Diagnosis[] {
  const overlays = facts.disks.flatMap(({ chain }) => chain.slice(0, -1));
  const unique = new Map(overlays.map((image) => [image.path, image]));
  return [...unique.values()].flatMap((image) => openOverlay(facts, image) ?? []);
}

function openOverlay({ host }: MachineFacts, { path, mode }: ImageFacts): Diagnosis | null {
  if (mode === null || mode === closed(mode)) return null;
  if ((mode & (othersMayRead | groupMayRead)) === 0) return null;
  const everybody = (mode & othersMayRead) !== 0;
  const mine = host.kind !== 'system-user';
  return {
    finding: {
      id: stableId('open-overlay', path),
      kind: 'open-overlay',
      severity: everybody ? 'problem' : 'notice',
      title: everybody
        ? 'Every user of this computer may read an image'
        : 'A group of users may read an image',
      detail:
        `${path} has the mode ${mode.toString(8)}. libvirt makes such overlays when a snapshot ` +
        'is taken of a machine that is off (CVE-2025-13193).' +
        (mine ? '' : ` It belongs to another user: sudo chmod ${closed(mode).toString(8)} ${path}`),
      repair: mine ? 'Lets only its owner read it. QEMU goes on as before.' : null,
    },
    cure: mine ? { do: 'protect-file', path, mode: closed(mode), before: mode } : null,
    consent: null,
    rereads: [],
  };
}

/** A group that may write is how QEMU reaches the image: without it the machine does not start. */
function closed(mode: number): number {
  return mode & ((mode & groupMayWrite) === 0 ? ownersBits : ownersBits | groupsBits);
}
