/**
 * A draft as the command that would make it: what the review shows as "what will run", and what a
 * person can put into a script. Only what differs from where the command begins is said.
 */
import type { HostId, MachineId, RepositoryId } from '#contract/domain.ts';
import { defaultPlanDraft, retentionPresets } from '#contract/plan-defaults.ts';
import type { Calendar, Hook, PlanDraft, Retention } from '#contract/plans.ts';
import { lineOf } from './argv.ts';

/** How the command line calls things. */
export interface CommandNames {
  machine(id: MachineId): string;
  host(id: HostId): string;
  repository(id: RepositoryId): string;
}

const minute = 60;
const hour = 3600;
const day = 86_400;

function secondsText(seconds: number): string {
  if (seconds % day === 0 && seconds > 0) return `${seconds / day}d`;
  if (seconds % hour === 0 && seconds > 0) return `${seconds / hour}h`;
  return seconds % minute === 0 && seconds > 0 ? `${seconds / minute}m` : `${seconds}s`;
}

const units = [
  ['T', 1024 ** 4],
  ['G', 1024 ** 3],
  ['M', 1024 ** 2],
  ['K', 1024],
] as const;

function bytesOption(bytes: number): string {
  const [letter, size] = units.find(([, of]) => bytes % of === 0) ?? units[3];
  return `${bytes / size}${letter}`;
}

function calendarOption(calendar: Calendar | null): readonly string[] {
  switch (calendar?.kind) {
    case undefined:
      return ['--no-calendar'];
    case 'hourly':
      return ['--hourly', String(calendar.minute)];
    case 'daily':
      return ['--daily', calendar.at.join(',')];
    case 'weekly':
      return ['--weekly', `${calendar.days.join(',')}@${calendar.at}`];
    case 'monthly':
      return ['--monthly', `${calendar.day}@${calendar.at}`];
    case 'cron':
      return ['--cron', calendar.expression];
  }
}

function machineOptions({ machines: rule, exclude }: PlanDraft, names: CommandNames): string[] {
  const list =
    rule.kind === 'chosen'
      ? rule.machines.flatMap((id) => ['--machine', names.machine(id)])
      : [
          ...(rule.kind === 'all' ? ['--all'] : ['--host', names.host(rule.host)]),
          ...rule.except.flatMap((id) => ['--except', names.machine(id)]),
        ];
  const disks = exclude.flatMap(({ machine, targets }) =>
    targets.flatMap((target) => ['--exclude', `${names.machine(machine)}:${target}`]),
  );
  return [...list, ...disks];
}

const rules = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;

function keepOptions(keep: Retention | null): readonly string[] {
  if (keep === null) return ['--keep-all'];
  const presets = ['short', 'balanced', 'long'] as const;
  const preset = presets.find((name) =>
    rules.every((rule) => retentionPresets[name][rule] === keep[rule]),
  );
  if (preset !== undefined) return ['--keep', preset];
  return rules
    .filter((rule) => keep[rule] > 0)
    .flatMap((rule) => [`--keep-${rule}`, String(keep[rule])]);
}

/** A program alone, or its words as a JSON list: the option takes either. */
function hookWords({ argv }: Hook): string {
  return argv.length === 1 ? (argv[0] ?? '') : JSON.stringify(argv);
}

function hookOptions({ before, after }: PlanDraft['hooks']): readonly string[] {
  const timeout = (before ?? after)?.timeoutSeconds;
  return [
    ...(before === null ? [] : ['--before-hook', hookWords(before)]),
    ...(before?.stopOnFailure === true ? ['--hook-must-succeed'] : []),
    ...(after === null ? [] : ['--after-hook', hookWords(after)]),
    ...(timeout === undefined ? [] : ['--hook-timeout', secondsText(timeout)]),
  ];
}

/** A flag where it is not what the command begins with. */
function flag(now: boolean, begins: boolean, on: string, off: string): readonly string[] {
  if (now === begins) return [];
  return [now ? on : off];
}

function valueOption<T>(option: string, now: T, begins: T, text: (value: T) => string) {
  return now === begins ? [] : [option, now === null ? 'none' : text(now)];
}

function whenOptions(draft: PlanDraft, begins: PlanDraft): readonly string[] {
  const { triggers, conditions } = draft;
  const bytes = (value: number | null) => bytesOption(value ?? 0);
  return [
    ...calendarOption(draft.calendar),
    ...['--zone', draft.zone],
    ...flag(draft.catchUp, begins.catchUp, '--catch-up', '--no-catch-up'),
    ...valueOption('--when-changed', triggers.changedBytes, begins.triggers.changedBytes, bytes),
    ...flag(triggers.shutdown, begins.triggers.shutdown, '--after-shutdown', '--no-after-shutdown'),
    ...flag(
      triggers.beforeRevert,
      begins.triggers.beforeRevert,
      '--before-revert',
      '--no-before-revert',
    ),
    ...valueOption(
      '--shortest-interval',
      triggers.shortestIntervalSeconds,
      begins.triggers.shortestIntervalSeconds,
      secondsText,
    ),
    ...flag(
      conditions.notOnBattery,
      begins.conditions.notOnBattery,
      '--not-on-battery',
      '--on-battery',
    ),
    ...flag(conditions.notMetered, begins.conditions.notMetered, '--not-metered', '--metered'),
    ...(conditions.window === null
      ? []
      : ['--window', `${conditions.window.from}-${conditions.window.to}`]),
    ...valueOption(
      '--not-busy',
      conditions.busyBytesPerSecond,
      begins.conditions.busyBytesPerSecond,
      bytes,
    ),
  ];
}

function restOptions({ verify, limits, notify }: PlanDraft, begins: PlanDraft): readonly string[] {
  return [
    ...valueOption('--verify', verify, begins.verify, String),
    ...valueOption('--limit', limits.bytesPerSecond, begins.limits.bytesPerSecond, (value) =>
      bytesOption(value ?? 0),
    ),
    ...valueOption('--at-once', limits.machinesAtOnce, begins.limits.machinesAtOnce, String),
    ...flag(notify.success, begins.notify.success, '--tell-success', '--tell-failures'),
    ...valueOption(
      '--overdue-after',
      notify.overdueAfterSeconds,
      begins.notify.overdueAfterSeconds,
      secondsText,
    ),
  ];
}

/** The arguments after `waymark plan create`. */
export function createArguments(draft: PlanDraft, names: CommandNames): readonly string[] {
  const begins = defaultPlanDraft(draft.zone);
  return [
    draft.name,
    ...machineOptions(draft, names),
    ...draft.repositories.flatMap((id) => ['--to', names.repository(id)]),
    ...whenOptions(draft, begins),
    ...keepOptions(draft.keep),
    ...hookOptions(draft.hooks),
    ...restOptions(draft, begins),
  ];
}

/** "waymark plan create Nightly --all --to attic …". */
export function planCommand(draft: PlanDraft, names: CommandNames): string {
  return `waymark plan create ${lineOf(createArguments(draft, names))}`;
}
