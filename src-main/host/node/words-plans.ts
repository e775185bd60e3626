/** Plans and their runs in words for a terminal. */
import type { MachineId, RepositoryId } from '#contract/domain.ts';
import type {
  Calendar,
  Cause,
  Hook,
  Pause,
  Plan,
  PlanCheck,
  PlanDraft,
  PlanRun,
  Retention,
} from '#contract/plans.ts';
import { duration, moment, plain, size } from './words.ts';

/** The zone of whoever types, as this computer knows it. */
export function zoneHere(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

function formatIn(timeZone: string): Intl.DateTimeFormat {
  const options: Intl.DateTimeFormatOptions = {
    ...{ year: 'numeric', month: '2-digit', day: '2-digit' },
    ...{ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
    weekday: 'short',
    timeZoneName: 'longOffset',
  };
  try {
    return new Intl.DateTimeFormat('en-GB', { ...options, timeZone });
  } catch {
    return new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC' });
  }
}

/** "Fri 2026-11-27 02:00 +01:00" on the clock of the zone; of UTC where that is not known. */
export function momentIn(zone: string, epochMs: number): string {
  const format = formatIn(zone);
  const parts = new Map(format.formatToParts(epochMs).map(({ type, value }) => [type, value]));
  const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? '';
  const offset = part('timeZoneName').replace('GMT', '');
  return (
    `${part('weekday')} ${part('year')}-${part('month')}-${part('day')} ` +
    `${part('hour')}:${part('minute')} ${offset === '' ? '+00:00' : offset}`
  );
}

/** "a", "a and b", "a, b and c". */
function joined(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} and ${last}`;
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function calendarWords(calendar: Calendar | null): string {
  switch (calendar?.kind) {
    case undefined:
      return 'No calendar';
    case 'hourly':
      return `Hourly at minute ${calendar.minute}`;
    case 'daily':
      return `Daily at ${joined(calendar.at)}`;
    case 'weekly':
      return `Weekly on ${joined(calendar.days.map(capital))} at ${calendar.at}`;
    case 'monthly': {
      const { day, at } = calendar;
      if (day === 'last') return `Monthly on the last day at ${at}`;
      const short = day > 28 ? ', or the last day of a shorter month,' : '';
      return `Monthly on day ${day}${short} at ${at}`;
    }
    case 'cron':
      return `At "${calendar.expression}"`;
  }
}

/** "Daily at 02:00 Europe/Berlin"; what else makes it begin, after that. */
export function whenWords({ calendar, zone, triggers }: PlanDraft): string {
  const { changedBytes, shutdown, beforeRevert } = triggers;
  const also = [
    ...(changedBytes === null ? [] : [`when ${size(changedBytes)} have changed`]),
    ...(shutdown ? ['after a shutdown'] : []),
    ...(beforeRevert ? ['before a revert'] : []),
  ];
  const time = calendar === null ? [] : [`${calendarWords(calendar)} ${zone}`];
  if (also.length === 0) return time[0] ?? 'Only when it is asked for';
  return capital([...time, `${time.length > 0 ? 'and ' : ''}${joined(also)}`].join(', '));
}

function keepWords(keep: Retention | null): string {
  if (keep === null) return 'everything';
  const { last, ...rest } = keep;
  const counts = Object.entries(rest).filter(([, count]) => count > 0);
  const words = [
    ...(last > 0 ? [`the last ${last}`] : []),
    ...counts.map(([every, count]) => `${count} ${every}`),
  ];
  return words.length === 0 ? 'nothing' : joined(words);
}

function conditionWords({ conditions }: PlanDraft): string {
  const { notOnBattery, notMetered, window, busyBytesPerSecond } = conditions;
  const words = [
    ...(notOnBattery ? ['on battery'] : []),
    ...(notMetered ? ['while the network is metered'] : []),
    ...(window === null ? [] : [`outside ${window.from} to ${window.to}`]),
    ...(busyBytesPerSecond === null ? [] : [`while a guest moves ${size(busyBytesPerSecond)}/s`]),
  ];
  return joined(words);
}

function hookWords(hook: Hook): string {
  const stops = hook.stopOnFailure ? ', has to succeed' : '';
  return `${JSON.stringify(hook.argv)}, at most ${duration(hook.timeoutSeconds)}${stops}`;
}

export function pauseWords(pause: Pause): string {
  if (pause.kind === 'no') return 'on';
  return pause.until === null ? 'paused' : `paused until ${moment(pause.until)}`;
}

/** "All machines (3): web-01, mail, gitea". */
function machinesWords(plan: Plan): string {
  const names = plan.members.map(({ name }) => name).join(', ');
  const count = plan.members.length;
  switch (plan.machines.kind) {
    case 'chosen':
      return count === 0 ? 'none that is here' : names;
    case 'host':
      return `all of one host, now ${count}${count === 0 ? '' : `: ${names}`}`;
    case 'all':
      return `all, now ${count}${count === 0 ? '' : `: ${names}`}`;
  }
}

function limitWords({ limits }: PlanDraft): string {
  const { machinesAtOnce, bytesPerSecond } = limits;
  const machines = machinesAtOnce === 1 ? '1 machine' : `${machinesAtOnce} machines`;
  const rate = bytesPerSecond === null ? '' : `, each at most ${size(bytesPerSecond)}/s`;
  return `${machines} of a host${rate}`;
}

/** The next three, and what the next change of the clocks does to them. */
function nextWords({ zone }: PlanDraft, { next, clockChange }: PlanCheck): string {
  const times = next.map((time) => momentIn(zone, time)).join('; ');
  return [times, clockChange].filter((words) => words !== '').join('. ');
}

/** A plan as "name: value" fields; what says nothing special is left out. */
export function planFields(
  plan: Plan,
  check: PlanCheck,
  repositoryName: (id: RepositoryId) => string,
): readonly (readonly [string, string])[] {
  const { pause, hooks, exclude, lastGood, zone } = plan;
  const waits = conditionWords(plan);
  const names = new Map<MachineId, string>(
    plan.members.map(({ machine, name }) => [machine, name]),
  );
  const out = exclude.flatMap(({ machine, targets }) =>
    targets.map((target) => `${names.get(machine) ?? machine}:${target}`),
  );
  const fields: readonly (readonly [string, string] | null)[] = [
    ['Name', plan.name],
    ['Id', plan.id],
    ['Machines', machinesWords(plan)],
    out.length === 0 ? null : ['Left out', out.join(', ')],
    ['Where to', plan.repositories.map(repositoryName).join(', ')],
    ['When', whenWords(plan)],
    ['Next', pause.kind === 'no' ? nextWords(plan, check) : pauseWords(pause)],
    plan.catchUp ? null : ['Catch up', 'no: a missed time is let go'],
    waits === '' ? null : ['Waits', waits],
    ['Keeps', keepWords(plan.keep)],
    ['Checks', plan.verify],
    hooks.before === null ? null : ['Before', hookWords(hooks.before)],
    hooks.after === null ? null : ['After', hookWords(hooks.after)],
    ['At once', limitWords(plan)],
    ['Last good', lastGood === null ? 'never' : momentIn(zone, lastGood)],
  ];
  return fields.filter((field) => field !== null);
}

export const causeWords: Readonly<Record<Cause, string>> = {
  schedule: 'its time',
  'catch-up': 'catching up',
  manual: 'asked for',
  changed: 'what changed',
  shutdown: 'a shutdown',
  'before-revert': 'a revert',
  continued: 'going on',
};

export function runStateWords({ state }: PlanRun): string {
  switch (state.kind) {
    case 'waiting':
      return `waits: ${state.words}`;
    case 'running':
      return `running (${state.step})`;
    case 'done':
    case 'cancelled':
      return state.kind;
    case 'problems':
      return `done with problems: ${state.problems.join(' ')}`;
    case 'failed':
      return `failed: ${state.error.message}`;
    case 'skipped':
    case 'missed':
      return `${state.kind}: ${state.words}`;
  }
}

/** What to do about a run, as far as somebody has to do something. */
export function runAdvice({ id, machine, repository, state }: PlanRun): readonly string[] {
  const name = `${machine.name} to ${repository.name}`;
  if (state.kind === 'waiting') {
    return [`${name}: it begins by itself then. To begin it now: waymark plan run-now ${id}`];
  }
  if (state.kind !== 'failed') return [];
  const { unharmed, advice } = state.error.data;
  const lines = [unharmed, advice].flat().filter((line) => typeof line === 'string');
  return lines.map((line) => plain(`${name}: ${line}`));
}
