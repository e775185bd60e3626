/** A machine with a repository of two points, as the doctor sees it. */
import type { FindingKind } from '#contract/moments.ts';
import type { Evidence } from '#engine/checkpoint/evidence.ts';
import { diagnose } from '#engine/checkpoint/examine.ts';
import type { MachineFacts } from '#engine/interlock/facts.ts';
import { at, checkpoint, installation } from './machine.ts';

export const older = { id: '01M83P3HZQ8W3V0D9K4C5E6F7G', time: at - 7_200_000 };
export const newer = { id: '01M83Q4HZQ8W3V0D9K4C5E6F7G', time: at - 3_600_000 };
export const nameOf = ({ id }: { readonly id: string }) => `waymark-${id.toLowerCase()}`;
export const attic = { id: 'repo-1', name: 'attic', points: [older, newer] };
const nothing: Evidence = {
  installation,
  repositories: [attic],
  sources: new Map([older, newer].map((point) => [nameOf(point), new Map()])),
  qemu: null,
  folders: [],
  job: null,
  memoryFiles: [],
  misled: [],
  notLooked: [],
};

export const found = (facts: MachineFacts, evidence: Partial<Evidence> = {}) =>
  diagnose(facts, { ...nothing, ...evidence });
export const kinds = (
  facts: MachineFacts,
  evidence: Partial<Evidence> = {},
): readonly FindingKind[] => found(facts, evidence).report.findings.map(({ kind }) => kind);
export const reference = (replace: Parameters<typeof checkpoint>[1] = {}) =>
  checkpoint(nameOf(newer), { reference: true, ...replace });
export const off = { state: 'off' as const, liveXml: null };
