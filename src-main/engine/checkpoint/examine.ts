/**
 * The doctor: compares what libvirt lists, what the images hold and what the repositories know of
 * one machine, and names every disagreement in words. It changes nothing; what mends it is planned
 * by plan-repair.ts. With `details` QEMU itself is asked, for which libvirt marks a running machine
 * as tainted until it stops.
 */
import { isActive, type MachineFacts } from '#engine/interlock/facts.ts';
import type { Diagnosis, Examination } from './diagnosis.ts';
import { gatherEvidence, type Evidence, type ExamineParts, type NotLooked } from './evidence.ts';
import { findBitmaps } from './find-bitmaps.ts';
import { findCheckpoints, knownCheckpoints } from './find-checkpoints.ts';
import { findImages } from './find-images.ts';
import { findLeftOvers } from './find-left-overs.ts';

/** Errors: none of its own; what could not be looked at is in the report. */
export async function examine(
  parts: ExamineParts,
  facts: MachineFacts,
  { details }: { readonly details: boolean },
): Promise<Examination> {
  return diagnose(facts, await gatherEvidence(parts, facts, details));
}

/** Pure. */
export function diagnose(facts: MachineFacts, evidence: Evidence): Examination {
  const known = knownCheckpoints(facts, evidence);
  const diagnoses: readonly Diagnosis[] = [
    ...findLeftOvers(facts, evidence),
    ...findCheckpoints(facts, known),
    ...findBitmaps(facts, evidence, known),
    ...findImages(facts, evidence),
  ];
  return {
    report: {
      machine: facts.id,
      at: facts.at,
      findings: diagnoses.map(({ finding }) => finding),
      looked: lookedAt(facts, evidence),
      notLooked: [...notLookedAt(facts, evidence), ...evidence.notLooked],
    },
    diagnoses,
  };
}

function lookedAt(facts: MachineFacts, { qemu, repositories }: Evidence): readonly string[] {
  const active = isActive(facts);
  const read = repositories.filter(({ points }) => points !== null).map(({ name }) => name);
  const looked = ['libvirt’s lists of checkpoints and snapshots', 'The images of every disk'];
  if (!active) looked.push('The bitmaps in the closed images');
  else if (!isBusy(facts)) looked.push('The bitmaps of each checkpoint, as libvirt checks them');
  if (active) looked.push('The bitmaps that the images had when the machine was started');
  if (qemu !== null) looked.push('All bitmaps, as QEMU itself has them');
  if (read.length > 0) looked.push(`The restore points in ${read.join(', ')}`);
  looked.push('What backups and snapshots could have left behind');
  return looked;
}

function notLookedAt(facts: MachineFacts, { qemu, repositories }: Evidence): readonly NotLooked[] {
  const missed: NotLooked[] = repositories
    .filter(({ points }) => points === null)
    .map(({ name }) => ({
      what: `The restore points in ${name}`,
      why: 'The repository cannot be read now.',
    }));
  for (const { target, chain } of facts.disks) {
    const unread = chain.find(({ exists, format, bitmaps }) => {
      return exists !== false && bitmaps === null && (format === 'qcow2' || format === '');
    });
    if (unread === undefined || qemu?.has(unread.path) === true) continue;
    missed.push({
      what: `The bitmaps in the images of ${target}`,
      why: `${unread.path} cannot be read by this user.`,
    });
  }
  if (!isActive(facts)) return missed;
  if (isBusy(facts)) {
    missed.push({
      what: 'The bitmaps of each checkpoint',
      why: 'A job of the machine is under way, and libvirt would wait for it.',
    });
  }
  if (qemu === null) {
    missed.push({
      what: 'Bitmaps that were made since the machine was started',
      why:
        'They are in the images only when it stops. QEMU itself can tell, but libvirt marks the ' +
        'machine as tainted when it is asked.',
    });
  }
  return missed;
}

function isBusy({ libvirtJob, waymarkJob }: MachineFacts): boolean {
  return libvirtJob !== null || waymarkJob !== null;
}
