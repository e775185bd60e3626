/** The lines of the rule, how far back each reaches, and which preset the numbers are. Pure. */
import type { Retention } from '#contract/plans.ts';
import { presets } from '../../state/plan-draft.svelte.ts';

export const ruleOrder = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
export type Rule = (typeof ruleOrder)[number];

/** Most of each that the contract takes. */
export const mostOf: Readonly<Record<Rule, number>> = {
  last: 100_000,
  hourly: 100_000,
  daily: 100_000,
  weekly: 10_000,
  monthly: 10_000,
  yearly: 1000,
};

/** How tall the mark of a point is that stays for this reason, in pixels of the drawing. */
export const markHeights: Readonly<Record<Rule, number>> = {
  last: 16,
  hourly: 16,
  daily: 28,
  weekly: 40,
  monthly: 52,
  yearly: 60,
};

export type PresetChoice = keyof typeof presets | 'own' | 'all';
export const presetOrder = ['short', 'balanced', 'long', 'own', 'all'] as const;

function same(a: Retention, b: Retention): boolean {
  return ruleOrder.every((rule) => a[rule] === b[rule]);
}

export function presetOf(keep: Retention | null): PresetChoice {
  if (keep === null) return 'all';
  const names = ['short', 'balanced', 'long'] as const;
  return names.find((name) => same(presets[name], keep)) ?? 'own';
}

/** The rule a choice stands for; one's own numbers begin with those there are. */
export function ruleFor(choice: PresetChoice, before: Retention | null): Retention | null {
  if (choice === 'all') return null;
  if (choice === 'own') return before ?? { ...presets.balanced };
  return { ...presets[choice] };
}

/** How far back so many of a kind reach from a moment; null where it has no length of time. */
export function reachOf(rule: Rule, count: number, now: number): number | null {
  if (rule === 'last' || count === 0) return null;
  const date = new Date(now);
  const back = count - 1;
  switch (rule) {
    case 'hourly':
      date.setHours(date.getHours() - back);
      break;
    case 'daily':
      date.setDate(date.getDate() - back);
      break;
    case 'weekly':
      date.setDate(date.getDate() - 7 * back);
      break;
    case 'monthly':
      date.setMonth(date.getMonth() - back, 1);
      break;
    case 'yearly':
      date.setFullYear(date.getFullYear() - back, 0, 1);
      break;
  }
  const time = date.getTime();
  return Number.isNaN(time) ? null : time;
}
