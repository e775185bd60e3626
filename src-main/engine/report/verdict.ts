/**
 * The first sentence of a report. It says what was found out and nothing better: a week in which
 * everything that ran was green is no good week when a machine has no point that is new enough.
 */
import type { ReportFacts, ReportMachine } from './facts.ts';

export type Tone = 'good' | 'look' | 'bad' | 'unknown';

export interface ReportVerdict {
  readonly tone: Tone;
  readonly title: string;
  /** What makes it so, in one or two sentences. */
  readonly words: string;
}

export function needsALook({ protection }: ReportMachine): boolean {
  return protection === 'overdue' || protection === 'failing' || protection === 'never';
}

export function verdictOf(facts: ReportFacts): ReportVerdict {
  const planned = facts.machines.filter(({ protection }) => protection !== 'not-planned');
  const open = planned.filter(needsALook);
  if (facts.machines.length === 0) {
    const words = 'No host is connected, or the hosts have no machines.';
    return { tone: 'unknown', title: 'No machine was seen', words };
  }
  if (planned.length === 0) {
    const words = `No plan means any of ${counted(facts.machines.length, 'machine')}.`;
    return { tone: 'unknown', title: 'Nothing is planned', words };
  }
  if (open.length > 0) return notProtected(facts, open.length, planned.length);
  const title =
    planned.length === 1
      ? 'The machine is protected'
      : `All ${planned.length} machines are protected`;
  return { ...alongTheWay(facts), title: `${title}${beside(facts, planned.length)}` };
}

function notProtected(facts: ReportFacts, open: number, planned: number): ReportVerdict {
  const failing = facts.machines.some(({ protection }) => protection === 'failing');
  const are = open === 1 ? 'is' : 'are';
  const title = `${open} of ${counted(planned, 'machine')} ${are} not protected`;
  const { failed, missed } = facts.counts;
  if (failed === 0) {
    const why =
      missed > 0
        ? `${counted(missed, 'planned time')} passed without a run.`
        : 'No run was missed in these days either: look at why each waits.';
    return { tone: 'look', title, words: `Everything that ran ended well, and still: ${why}` };
  }
  const runs = `${counted(failed, 'run')} failed`;
  const more = missed > 0 ? `, and ${counted(missed, 'planned time')} passed without one` : '';
  return { tone: failing ? 'bad' : 'look', title, words: `${runs}${more}.` };
}

function alongTheWay({ counts, waiting }: ReportFacts): Pick<ReportVerdict, 'tone' | 'words'> {
  const parts = [
    ...(counts.failed > 0 ? [`${counted(counts.failed, 'run')} failed`] : []),
    ...(counts.missed > 0
      ? [`${counted(counts.missed, 'planned time')} passed without a run`]
      : []),
    ...(waiting.length > 0
      ? [`${counted(waiting.length, 'run')} ${waiting.length === 1 ? 'waits' : 'wait'} now`]
      : []),
  ];
  if (parts.length === 0) return { tone: 'good', words: 'Nothing failed, and nothing was missed.' };
  const after = counts.failed + counts.missed > 0 ? ' Later runs made up for it.' : '';
  return { tone: 'good', words: `${listed(parts)}.${after}` };
}

/** "; 2 are on no plan" */
function beside({ machines }: ReportFacts, planned: number): string {
  const out = machines.length - planned;
  return out === 0 ? '' : `; ${out} ${out === 1 ? 'is' : 'are'} on no plan`;
}

export function counted(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`;
}

function listed(parts: readonly string[]): string {
  const last = parts.at(-1) ?? '';
  return parts.length <= 1 ? last : `${parts.slice(0, -1).join(', ')} and ${last}`;
}
