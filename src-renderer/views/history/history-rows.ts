/** Which runs a filter shows, and how an outcome looks. */
import type { Outcome, Run } from '#contract/domain.ts';
import { t } from '../../text/catalogue.ts';
import type { IconName } from '../../ui/icons.ts';

export type Filter = 'all' | 'trouble';

interface Mark {
  readonly tone: 'good' | 'warn' | 'bad' | 'none';
  readonly icon: IconName;
  readonly text: string;
}

const marks: { readonly [Kind in Outcome['kind']]: Omit<Mark, 'text'> } = {
  // Done is not proof: only a verified result is green, and a run does not say.
  done: { tone: 'none', icon: 'tick' },
  problems: { tone: 'warn', icon: 'warn' },
  failed: { tone: 'bad', icon: 'bad' },
  cancelled: { tone: 'none', icon: 'minus' },
};

export function outcomeOf(run: Run): Mark {
  return { ...marks[run.outcome.kind], text: t(`jobs.state.${run.outcome.kind}`) };
}

/** True when the run passes the filter and its title, kind or names hold the words. */
export function matches(run: Run, filter: Filter, search: string): boolean {
  const trouble = run.outcome.kind === 'failed' || run.outcome.kind === 'problems';
  if (filter === 'trouble' && !trouble) return false;
  const words = search.trim().toLocaleLowerCase();
  if (words === '') return true;
  const kind = t(`jobs.kind.${run.kind}`);
  const names = [run.machine?.name ?? '', run.repository?.name ?? ''];
  const text = [run.title, kind, ...names].join(' ');
  return text.toLocaleLowerCase().includes(words);
}
