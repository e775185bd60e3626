/** A plan as a person says it in options, put upon what it was before or what plans begin with. */
import type { Client } from '#contract/client.ts';
import type { MachineId } from '#contract/domain.ts';
import type { Hook, PlanDraft, PlanMachines } from '#contract/plans.ts';
import { flag, textValue, textValues, usage, type Context } from './command.ts';
import { findHost, findMachine, findRepository } from './find.ts';
import { calendarOf } from './plan-calendar.ts';
import { either, keepOf, noneWord } from './plan-options.ts';
import { bytesOf, secondsOf, timeOfDay, wholeOf } from './quantities.ts';

const hookSeconds = 600;
const maxAtOnce = 4;

/** `undefined` when the option was not given, null when it takes the value back. */
function optional<T>(
  context: Context,
  option: string,
  read: (text: string) => T,
): T | null | undefined {
  const text = textValue(context, option);
  if (text === undefined) return undefined;
  return text === noneWord ? null : read(text);
}

/** What the option says, else what was there; null is something it can say. */
function orBefore<T>(said: T | null | undefined, before: T | null): T | null {
  return said === undefined ? before : said;
}

async function machineIds(client: Client, words: readonly string[]): Promise<MachineId[]> {
  const ids: MachineId[] = [];
  for (const word of words) {
    const { id } = await findMachine(client, word);
    if (!ids.includes(id)) ids.push(id);
  }
  return ids;
}

/** The kind of rule the options mean; throws where they mean two. */
function kindOf(context: Context, before: PlanMachines): PlanMachines['kind'] {
  const kinds = [
    ...(textValues(context, 'machine').length > 0 ? (['chosen'] as const) : []),
    ...(textValue(context, 'host') === undefined ? [] : (['host'] as const)),
    ...(flag(context, 'all') ? (['all'] as const) : []),
  ];
  if (kinds.length > 1) throw usage('Only one of --machine, --host and --all.');
  const kind = kinds[0] ?? before.kind;
  if (kind === 'chosen' && textValues(context, 'except').length > 0) {
    throw usage('--except goes with --host or --all.');
  }
  return kind;
}

async function machinesOf(
  context: Context,
  client: Client,
  before: PlanMachines,
): Promise<PlanMachines> {
  const kind = kindOf(context, before);
  const names = textValues(context, 'machine');
  if (kind === 'chosen') {
    if (names.length === 0) return before;
    return { kind, machines: await machineIds(client, names) };
  }
  const host = textValue(context, 'host');
  const exceptions = textValues(context, 'except');
  const named = exceptions.filter((word) => word !== noneWord);
  const kept = exceptions.length === 0 && before.kind !== 'chosen' ? before.except : [];
  const except = named.length > 0 ? await machineIds(client, named) : [...kept];
  if (host !== undefined) return { kind: 'host', host: (await findHost(client, host)).id, except };
  return kind === 'host' && before.kind === 'host'
    ? { ...before, except }
    : { kind: 'all', except };
}

/** Disks left out, grouped by machine; each has to be there, for a slip would back it up. */
async function excludeOf(
  context: Context,
  client: Client,
  before: PlanDraft['exclude'],
): Promise<PlanDraft['exclude']> {
  const words = textValues(context, 'exclude');
  if (words.length === 0) return before;
  const excluded = new Map<MachineId, string[]>();
  for (const word of words.filter((one) => one !== noneWord)) {
    const colon = word.lastIndexOf(':');
    if (colon < 1) throw usage(`--exclude takes MACHINE:TARGET. It was "${word}".`);
    const machine = await findMachine(client, word.slice(0, colon));
    const target = word.slice(colon + 1);
    const known = machine.disks.map((disk) => disk.target);
    if (!known.includes(target)) {
      throw usage(`${machine.name} has no disk ${target}.`, `It has ${known.join(', ')}.`);
    }
    const targets = excluded.get(machine.id) ?? [];
    if (!targets.includes(target)) excluded.set(machine.id, [...targets, target]);
  }
  return [...excluded].map(([machine, targets]) => ({ machine, targets }));
}

async function repositoriesOf(
  context: Context,
  client: Client,
  before: PlanDraft['repositories'],
): Promise<PlanDraft['repositories']> {
  const words = textValues(context, 'to');
  if (words.length === 0) return before;
  const ids: PlanDraft['repositories'] = [];
  for (const word of words) {
    const { id } = await findRepository(client, word);
    if (!ids.includes(id)) ids.push(id);
  }
  return ids;
}

function argvOf(option: string, text: string): string[] {
  if (!text.startsWith('[')) {
    if (text.startsWith('/')) return [text];
    throw usage(`--${option} takes the full path of a program, or a JSON list of words.`);
  }
  let words: unknown;
  try {
    words = JSON.parse(text);
  } catch {
    words = null;
  }
  if (isWords(words) && words.length > 0) return words;
  throw usage(`--${option} is no JSON list of words: ${text}`);
}

function isWords(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((word) => typeof word === 'string');
}

function hooksOf(context: Context, before: PlanDraft['hooks']): PlanDraft['hooks'] {
  const seconds = (option: string) => {
    const text = textValue(context, option);
    return text === undefined ? undefined : secondsOf(option, text);
  };
  const timeout = seconds('hook-timeout');
  const afterTimeout = seconds('after-hook-timeout') ?? timeout;
  const hook = (
    option: string,
    old: Hook | null,
    limit: number | undefined,
    stopOnFailure: boolean,
  ): Hook | null => {
    const said = optional(context, option, (text) => argvOf(option, text));
    const argv = said === undefined ? old?.argv : said;
    if (argv === undefined || argv === null) return null;
    return { argv, timeoutSeconds: limit ?? old?.timeoutSeconds ?? hookSeconds, stopOnFailure };
  };
  const mustSucceed = either(
    context,
    'hook-must-succeed',
    'hook-may-fail',
    before.before?.stopOnFailure ?? false,
  );
  const hooks = {
    before: hook('before-hook', before.before, timeout, mustSucceed),
    after: hook('after-hook', before.after, afterTimeout, false),
  };
  if ((timeout ?? afterTimeout) !== undefined && hooks.before === null && hooks.after === null) {
    throw usage('--hook-timeout is of no use without a hook.');
  }
  return hooks;
}

function windowOf(text: string): { readonly from: string; readonly to: string } {
  const [from, to, more] = text.split('-');
  if (from === undefined || to === undefined || more !== undefined) {
    throw usage('--window takes two times with a dash between: 22:00-06:00.');
  }
  return { from: timeOfDay('window', from), to: timeOfDay('window', to) };
}

function verifyOf(context: Context, before: PlanDraft['verify']): PlanDraft['verify'] {
  const said = textValue(context, 'verify');
  switch (said) {
    case undefined:
      return before;
    case 'nothing':
    case 'structure':
    case 'data':
      return said;
    default:
      throw usage('--verify is nothing, structure or data.');
  }
}

/** A duration that has a value of its own when it is not said. */
function secondsOr(context: Context, option: string, before: number): number {
  const text = textValue(context, option);
  return text === undefined ? before : secondsOf(option, text);
}

/** What makes a run begin, or wait, beside the calendar. */
function whenOf(
  context: Context,
  { triggers, conditions }: PlanDraft,
): Pick<PlanDraft, 'triggers' | 'conditions'> {
  const bytes = (option: string) => optional(context, option, (text) => bytesOf(option, text));
  return {
    triggers: {
      changedBytes: orBefore(bytes('when-changed'), triggers.changedBytes),
      shutdown: either(context, 'after-shutdown', 'no-after-shutdown', triggers.shutdown),
      beforeRevert: either(context, 'before-revert', 'no-before-revert', triggers.beforeRevert),
      shortestIntervalSeconds: secondsOr(
        context,
        'shortest-interval',
        triggers.shortestIntervalSeconds,
      ),
    },
    conditions: {
      notOnBattery: either(context, 'not-on-battery', 'on-battery', conditions.notOnBattery),
      notMetered: either(context, 'not-metered', 'metered', conditions.notMetered),
      window: orBefore(optional(context, 'window', windowOf), conditions.window),
      busyBytesPerSecond: orBefore(bytes('not-busy'), conditions.busyBytesPerSecond),
    },
  };
}

/** All that can be said without asking whether something is there. */
function saidOf(context: Context, before: PlanDraft, fresh: boolean) {
  const calendar = calendarOf(context);
  const atOnce = textValue(context, 'at-once');
  const rate = optional(context, 'limit', (text) => bytesOf('limit', text));
  const { limits, notify } = before;
  return {
    ...whenOf(context, before),
    calendar: calendar === undefined ? before.calendar : calendar,
    zone: textValue(context, 'zone') ?? before.zone,
    catchUp: either(context, 'catch-up', 'no-catch-up', before.catchUp),
    keep: keepOf(context, before.keep, fresh),
    verify: verifyOf(context, before.verify),
    hooks: hooksOf(context, before.hooks),
    limits: {
      machinesAtOnce:
        atOnce === undefined ? limits.machinesAtOnce : wholeOf('at-once', atOnce, 1, maxAtOnce),
      bytesPerSecond: orBefore(rate, limits.bytesPerSecond),
    },
    notify: {
      success: either(context, 'tell-success', 'tell-failures', notify.success),
      overdueAfterSeconds: secondsOr(context, 'overdue-after', notify.overdueAfterSeconds),
    },
  };
}

/**
 * `before` with what the options say. `fresh`: nobody has such a plan yet, so numbers to keep are
 * all there is. Throws wrong usage before the engine is opened, or that something is not there.
 */
export async function draftFrom(
  context: Context,
  before: PlanDraft,
  fresh: boolean,
): Promise<PlanDraft> {
  const said = saidOf(context, before, fresh);
  kindOf(context, before.machines);
  if (before.repositories.length === 0 && textValues(context, 'to').length === 0) {
    throw usage('Where to? --to REPOSITORY is needed.');
  }
  const client = await context.client();
  return {
    name: before.name,
    ...said,
    machines: await machinesOf(context, client, before.machines),
    exclude: await excludeOf(context, client, before.exclude),
    repositories: await repositoriesOf(context, client, before.repositories),
  };
}
