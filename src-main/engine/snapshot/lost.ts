/** What is gone for good when a machine goes back and its present is not kept. */
import { isActive, type MachineFacts } from '#engine/interlock/facts.ts';
import { moment } from '#engine/interlock/rereads.ts';
import { findSnapshot } from './blockers.ts';
import type { RevertTarget } from './revert-target.ts';

export function lostWithout(facts: MachineFacts, { name }: RevertTarget): readonly string[] {
  const last = facts.current === null ? null : findSnapshot(facts, facts.current);
  const since =
    last === null
      ? `Everything ${facts.name} did since its last restore point`
      : `Everything ${facts.name} did since ${last.record.name} (${moment(last.record.time)})`;
  return [
    since,
    ...(isActive(facts) ? [`What it has in memory now; it goes on from ${name}`] : []),
  ];
}
