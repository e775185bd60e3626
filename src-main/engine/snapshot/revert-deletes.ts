/**
 * B20: from 9.9 on libvirt's revert to an external snapshot deletes the images that its current
 * snapshot says the machine writes to. Its record may be wrong, so it is compared with the chains.
 */
import type { PlanReason } from '#contract/actions.ts';
import { attribute, child, children, parseXml } from '#engine/hypervisor/xml.ts';
import type { MachineFacts, SnapshotFacts } from '#engine/interlock/facts.ts';
import { findSnapshot, momentsInside } from './blockers.ts';
import { ImageLines } from './image-lines.ts';
import type { RevertTarget } from './revert-target.ts';
import { listed } from './words.ts';

/** Why libvirt's own revert would harm, where the machine's present is not kept first. */
export function deletedByRevert(facts: MachineFacts, target: RevertTarget): readonly PlanReason[] {
  if (target.storage !== 'external') return [];
  const current = facts.current === null ? null : findSnapshot(facts, facts.current);
  if (current === null) {
    return [
      {
        id: 'no-current',
        title: 'libvirt does not know which snapshot the machine goes on from',
        detail: 'It would fail half way. Keep where the machine is now: that snapshot is known.',
      },
    ];
  }
  const active = new Set(facts.disks.flatMap(({ chain }) => chain.slice(0, 1)).map(pathOf));
  const frozen = new Set(facts.snapshots.flatMap((one) => one.frozen.map(pathOf)));
  const lines = new ImageLines(facts);
  const wrong = deletedImages(facts).filter(
    (path) =>
      !active.has(path) ||
      frozen.has(path) ||
      lines.neededOn(path).length > 0 ||
      facts.shared.some((one) => one.path === path) ||
      momentsInside(facts, new Set([path])).length > 0,
  );
  if (wrong.length === 0) return [];
  return [
    {
      id: 'would-delete',
      title: 'libvirt would delete an image that is needed',
      detail:
        `Its record of ${current.record.name} names ${listed(wrong)}, which is not what the ` +
        'machine writes to now. Keep where the machine is now: then its record is right.',
    },
  ];
}

/** What libvirt removes when it goes back to an external snapshot. */
export function deletedImages(facts: MachineFacts): readonly string[] {
  const current = facts.current === null ? null : findSnapshot(facts, facts.current);
  return current === null ? [] : [...writtenSince(current).values()];
}

const pathOf = ({ path }: { readonly path: string }) => path;

/** By target, what libvirt thinks was written to since; what a later revert made goes first. */
function writtenSince({ record, xml }: SnapshotFacts): ReadonlyMap<string, string> {
  const reverted = xml === '' ? null : child(parseXml(xml, 'domainsnapshot'), 'revertDisks');
  if (reverted === null) {
    return new Map(
      record.disks.flatMap(({ target, kind, source }) =>
        kind === 'external' && source !== null ? [[target, source] as const] : [],
      ),
    );
  }
  return new Map(
    children(reverted, 'disk').flatMap((disk) => {
      const target = attribute(disk, 'name');
      const file = attribute(child(disk, 'source'), 'file');
      const external = attribute(disk, 'snapshot') === 'external';
      return external && target !== null && file !== null ? [[target, file] as const] : [];
    }),
  );
}
