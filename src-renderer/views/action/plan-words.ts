/** What a plan's numbers and names are in words. Pure, so that each is a line of a test. */
import type { ActionPlan, MachineAction, PlanStep } from '#contract/actions.ts';
import type { Check } from '#contract/domain.ts';
import { t } from '../../text/catalogue.ts';
import { bytesText } from '../../text/numbers.ts';
import { aboutText, clockText, dateText } from '../../text/times.ts';

/** More names than this are counted, not listed (ux.md D5). */
export const maxNamesListed = 10;
const secondsPerMinute = 60;
/** Below this an estimate is said in whole seconds, up to a minute in steps of five. */
const secondsSaidExactly = 10;
const secondsStep = 5;

/** "about 8 s", "about 15 s", "under a second"; seconds. */
export function estimateText(seconds: number): string {
  if (seconds < 1) return t('plan.under-a-second');
  if (seconds < secondsSaidExactly) return t('plan.seconds', { seconds: Math.ceil(seconds) });
  const rounded = Math.round(seconds / secondsStep) * secondsStep;
  return rounded < secondsPerMinute ? t('plan.seconds', { seconds: rounded }) : aboutText(seconds);
}

type Cost = Pick<PlanStep, 'bytes' | 'seconds'>;

/** "about 15 s, 4.6 GiB", "instant", or that it is not known. Begins small. */
export function costText({ bytes, seconds }: Cost): string {
  if (bytes === 0 && seconds === 0) return t('plan.instant');
  const time = seconds === null || seconds === 0 ? null : estimateText(seconds);
  const size = bytes === null || bytes === 0 ? null : bytesText(bytes);
  if (time !== null && size !== null) return t('plan.time-and-size', { time, size });
  return time ?? size ?? t('plan.not-known');
}

/** What the plan needs and what is there: "Needs 4.6 GiB; 212 GiB are free." Empty: not known. */
export function spaceText({ bytes, freeBytes }: ActionPlan['costs']): string {
  if (bytes === null) return '';
  if (bytes === 0) return t('plan.needs-none');
  const size = bytesText(bytes);
  if (freeBytes === null) return t('plan.needs', { size });
  return t('plan.needs-of', { size, free: bytesText(freeBytes) });
}

/** How long the machine does not run; seconds, null where not known. */
export function pauseText(seconds: number | null): string {
  if (seconds === null) return t('plan.not-known');
  return seconds === 0 ? t('plan.no-pause') : estimateText(seconds);
}

/** How much of it the machine does not run; empty when it runs all the time or is off anyway. */
export function standstillText({ seconds, downtimeSeconds }: ActionPlan['costs']): string {
  if (downtimeSeconds === null || downtimeSeconds === 0) return '';
  if (seconds !== null && downtimeSeconds >= seconds) return t('plan.stands-still-all');
  return t('plan.stands-still', { time: estimateText(downtimeSeconds) });
}

/** The first ten names and how many more there are. */
export function namesText(names: readonly string[]): { listed: readonly string[]; more: number } {
  const listed = names.slice(0, maxNamesListed);
  return { listed, more: names.length - listed.length };
}

/** What the dialog is called until the plan brings its own title. */
export function askedTitle(action: MachineAction, machine: string): string {
  switch (action.kind) {
    case 'snapshot-create':
      return t('asked.snapshot-create', { machine });
    case 'snapshot-revert':
      return t('asked.snapshot-revert', { machine, name: action.name });
    case 'revert-undo':
      return t('asked.revert-undo', { machine });
    case 'snapshot-delete':
      return action.names.length === 1
        ? t('asked.snapshot-delete', { name: action.names[0] ?? '' })
        : t('asked.snapshots-delete', { count: action.names.length, machine });
    case 'checkpoint-create':
      return t('asked.checkpoint-create', { machine });
    case 'checkpoint-delete':
      return t('asked.checkpoints-delete', { count: action.names.length, machine });
    case 'repair':
      return t('asked.repair', { machine });
  }
}

/**
 * Lines worth showing before a start, gravest first: not what passed, not what a reason says
 * already, and of a refused plan only what refuses it.
 */
export function openChecks(
  plan: Pick<ActionPlan, 'verdict' | 'reasons' | 'checks'>,
): readonly Check[] {
  const order: readonly Check['level'][] = ['blocker', 'warning', 'unknown'];
  const shown = plan.verdict === 'refused' ? order.slice(0, 1) : order;
  const told = new Set(plan.reasons.map(({ id }) => id));
  return plan.checks
    .filter(({ id, level }) => shown.includes(level) && !told.has(id))
    .toSorted((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
}

/** A title as the sentence before its explanation. */
export function asSentence(title: string): string {
  return /[.:?…]$/.test(title) ? title : t('plan.sentence', { text: title });
}

/** "23 Nov, 10:32": short enough to stand under a drawing. */
export function shortMoment(time: number, now: number): string {
  return t('plan.moment', { date: dateText(time, now), time: clockText(time) });
}
