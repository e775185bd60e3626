/** A plan in words: when, which machines, how long points stay, what happened to a run. */
import type { HostId } from '#contract/domain.ts';
import type {
  Calendar,
  Cause,
  PlanDraft,
  PlanMachines,
  PlanRunState,
  PlanTime,
  Retention,
  Weekday,
} from '#contract/plans.ts';
import { t } from './catalogue.ts';
import { wordsOf } from './messages.ts';
import { bytesText, locale } from './numbers.ts';
import { durationText } from './times.ts';

const listOf = new Intl.ListFormat(locale, { type: 'conjunction' });

/** "02:00 and 14:00". */
function listText(items: readonly string[]): string {
  return listOf.format(items);
}

function weekdaysText(days: readonly Weekday[]): string {
  return listText(days.map((day) => t(`weekday.${day}`)));
}

/** "Daily at 02:00 and 14:00", without the zone. */
export function calendarText(calendar: Calendar | null): string {
  if (calendar === null) return t('calendar.none');
  switch (calendar.kind) {
    case 'hourly':
      return t('calendar.hourly', { minute: String(calendar.minute).padStart(2, '0') });
    case 'daily':
      return t('calendar.daily', { times: listText([...calendar.at].sort()) });
    case 'weekly':
      return t('calendar.weekly', { days: weekdaysText(calendar.days), time: calendar.at });
    case 'monthly':
      return calendar.day === 'last'
        ? t('calendar.monthly-last', { time: calendar.at })
        : t('calendar.monthly', { day: calendar.day, time: calendar.at });
    case 'cron':
      return t('calendar.cron', { expression: calendar.expression });
  }
}

const namesShown = 3;

/** "nextcloud, gitea, postgres-main and 4 more". */
export function namesText(names: readonly string[]): string {
  if (names.length <= namesShown) return names.join(', ');
  const first = names.slice(0, namesShown).join(', ');
  return t('which.more', { names: first, count: names.length - namesShown });
}

/** "All on rack but 2, new ones included"; the names themselves where they were chosen. */
export function whichText(
  rule: PlanMachines,
  hostName: (id: HostId) => string,
  names: readonly string[],
): string {
  if (rule.kind === 'chosen') return namesText(names);
  const count = rule.except.length;
  if (rule.kind === 'all') {
    return count === 0 ? t('which.all') : t('which.all-except', { count });
  }
  const host = hostName(rule.host);
  return count === 0 ? t('which.host', { host }) : t('which.host-except', { host, count });
}

const ruleOrder = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;

/** "3 last, 10 daily, 6 weekly, 12 monthly". */
export function retentionText(keep: Retention | null): string {
  if (keep === null) return t('keep.everything');
  const parts = ruleOrder.filter((rule) => keep[rule] > 0);
  if (parts.length === 0) return t('keep.nothing');
  return parts.map((rule) => t(`keep.count.${rule}`, { count: keep[rule] })).join(', ');
}

/** What else begins a run, one sentence each. */
export function triggerTexts({ triggers }: PlanDraft): readonly string[] {
  const texts: string[] = [];
  if (triggers.changedBytes !== null) {
    texts.push(t('trigger.changed-text', { size: bytesText(triggers.changedBytes) }));
  }
  if (triggers.shutdown) texts.push(t('trigger.shutdown-text'));
  if (triggers.beforeRevert) texts.push(t('trigger.before-revert-text'));
  if (texts.length > 0 && triggers.shortestIntervalSeconds > 0) {
    const span = durationText(triggers.shortestIntervalSeconds);
    texts.push(t('trigger.interval-text', { span }));
  }
  return texts;
}

/** What must be so before a run begins, one sentence each. */
export function conditionTexts({ conditions }: PlanDraft): readonly string[] {
  const texts: string[] = [];
  if (conditions.notOnBattery) texts.push(t('condition.battery-text'));
  if (conditions.notMetered) texts.push(t('condition.metered-text'));
  if (conditions.window !== null) {
    texts.push(t('condition.window-text', conditions.window));
  }
  if (conditions.busyBytesPerSecond !== null) {
    const rate = `${bytesText(conditions.busyBytesPerSecond)}/s`;
    texts.push(t('condition.busy-text', { rate }));
  }
  return texts;
}

export function causeText(cause: Cause): string {
  return t(`cause.${cause}`);
}

export type RunKind = PlanRunState['kind'] | PlanTime['kind'];

export interface RunMark {
  readonly tone: 'good' | 'warn' | 'bad' | 'none';
  readonly icon: 'good' | 'warn' | 'failing' | 'overdue' | 'never' | 'turn' | 'minus' | 'close';
  readonly text: string;
}

const marks: Readonly<Record<RunKind, Omit<RunMark, 'text'>>> = {
  waiting: { tone: 'warn', icon: 'overdue' },
  running: { tone: 'none', icon: 'turn' },
  done: { tone: 'good', icon: 'good' },
  problems: { tone: 'warn', icon: 'warn' },
  failed: { tone: 'bad', icon: 'failing' },
  cancelled: { tone: 'none', icon: 'close' },
  skipped: { tone: 'none', icon: 'minus' },
  missed: { tone: 'warn', icon: 'close' },
  coming: { tone: 'none', icon: 'never' },
};

/** Mark and word of a run, or of a time of the strip. */
export function runMark(kind: RunKind): RunMark {
  return { ...marks[kind], text: t(`run-state.${kind}`) };
}

/** Why it is as it is, in one sentence; '' where the word says it all. */
export function runReason(state: PlanRunState): string {
  switch (state.kind) {
    case 'waiting':
    case 'skipped':
    case 'missed':
      return state.words;
    case 'problems':
      return state.problems.join(' ');
    case 'failed':
      return wordsOf(state.error).what;
    case 'running':
      return t(`run-step.${state.step}`);
    case 'done':
    case 'cancelled':
      return '';
  }
}
