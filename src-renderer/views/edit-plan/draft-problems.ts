/**
 * What a person must still say before a step can be left, by field. The engine checks the rest; it
 * is asked on the review and as numbers are edited. Pure.
 */
import type { Machine } from '#contract/domain.ts';
import type { PlanDraft } from '#contract/plans.ts';
import { t } from '../../text/catalogue.ts';
import { membersNow } from './which-machines.ts';

export type StepId = 'what' | 'when' | 'where' | 'keep' | 'review';
export type Field =
  | 'name'
  | 'machines'
  | 'days'
  | 'expression'
  | 'repositories'
  | 'hooks.before'
  | 'hooks.after'
  | 'keep';
export type Problems = Readonly<Partial<Record<Field, string>>>;

const maxNameLength = 128;

function whatProblems(draft: PlanDraft, machines: readonly Machine[], taken: readonly string[]) {
  const name = draft.name.trim();
  const problems: Partial<Record<Field, string>> = {};
  if (name === '') problems.name = t('what.name-needed');
  else if (name.length > maxNameLength) problems.name = t('what.name-long');
  else if (taken.includes(name)) problems.name = t('what.name-taken');
  const { machines: rule } = draft;
  if (rule.kind === 'chosen' && membersNow(rule, machines).length === 0) {
    problems.machines = t('what.chosen-needed');
  }
  return problems;
}

function whenProblems({ calendar }: PlanDraft): Problems {
  if (calendar?.kind === 'weekly' && calendar.days.length === 0) {
    return { days: t('when.days-needed') };
  }
  if (calendar?.kind === 'cron' && calendar.expression.trim() === '') {
    return { expression: t('when.expression-needed') };
  }
  return {};
}

function whereProblems({ repositories, hooks }: PlanDraft): Problems {
  const problems: Partial<Record<Field, string>> = {};
  if (repositories.length === 0) problems.repositories = t('where.need');
  for (const when of ['before', 'after'] as const) {
    const hook = hooks[when];
    if (hook === null) continue;
    if (hook.argv[0]?.startsWith('/') !== true) {
      problems[`hooks.${when}`] = t('where.hook.path-needed');
    }
  }
  return problems;
}

function keepProblems({ keep }: PlanDraft): Problems {
  if (keep === null || Object.values(keep).some((count) => count > 0)) return {};
  return { keep: t('keep.nothing-stays') };
}

/** What keeps a step from being left; empty when nothing does. */
export function problemsOf(
  step: StepId,
  draft: PlanDraft,
  known: { readonly machines: readonly Machine[]; readonly takenNames: readonly string[] },
): Problems {
  switch (step) {
    case 'what':
      return whatProblems(draft, known.machines, known.takenNames);
    case 'when':
      return whenProblems(draft);
    case 'where':
      return whereProblems(draft);
    case 'keep':
      return keepProblems(draft);
    case 'review':
      return {};
  }
}
