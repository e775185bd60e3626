/** Every option that says something of a plan; `plan create`, `change` and `preview` share them. */
import { retentionPresets, type RetentionPreset } from '#contract/plan-defaults.ts';
import type { Retention } from '#contract/plans.ts';
import { flag, textValue, usage, type Context, type Option } from './command.ts';
import { calendarOptions } from './plan-calendar.ts';
import { wholeOf } from './quantities.ts';

/** What takes back an option that has a value. */
export const noneWord = 'none';

const many = { type: 'string', multiple: true } as const;
const one = { type: 'string' } as const;
const yes = { type: 'boolean' } as const;

const retentionHelp: Readonly<Record<keyof Retention, string>> = {
  last: 'this many of the newest points',
  hourly: 'the newest point of this many hours that have one',
  daily: 'of this many days',
  weekly: 'of this many weeks',
  monthly: 'of this many months',
  yearly: 'of this many years',
};
const retentionKeys = Object.keys(retentionHelp) as readonly (keyof Retention)[];
const presetNames = Object.keys(retentionPresets) as readonly RetentionPreset[];

const keepOptions: Readonly<Record<string, Option>> = {
  keep: { ...one, value: presetNames.join('|'), help: 'numbers to begin with' },
  ...Object.fromEntries(
    retentionKeys.map((key) => [`keep-${key}`, { ...one, value: 'N', help: retentionHelp[key] }]),
  ),
  'keep-all': { ...yes, help: 'no rule removes a point' },
};

export const draftOptions: Readonly<Record<string, Option>> = {
  machine: { ...many, value: 'MACHINE', help: 'this machine; may be given more than once' },
  host: { ...one, value: 'HOST', help: 'every machine of this host, new ones included' },
  all: { ...yes, help: 'every machine of every host, new ones included' },
  except: { ...many, value: 'MACHINE', help: 'but not this one; with --host or --all' },
  exclude: { ...many, value: 'MACHINE:TARGET', help: 'leave this disk out; or none' },
  to: { ...many, value: 'REPOSITORY', help: 'where points go; may be given more than once' },
  ...calendarOptions,
  zone: { ...one, value: 'ZONE', help: 'such as Europe/Berlin (default: of this computer)' },
  'catch-up': { ...yes, help: 'make up for a missed time, once, as soon as possible' },
  'no-catch-up': { ...yes, help: 'let a missed time go' },
  'when-changed': { ...one, value: 'SIZE', help: 'when this much was written since; or none' },
  'after-shutdown': { ...yes, help: 'when a machine has just been shut down' },
  'no-after-shutdown': { ...yes, help: 'not for that' },
  'before-revert': { ...yes, help: 'before a machine goes back to a snapshot' },
  'no-before-revert': { ...yes, help: 'not for that' },
  'shortest-interval': { ...one, value: 'TIME', help: 'these wait until the last point is so old' },
  'not-on-battery': { ...yes, help: 'wait while this computer runs on its battery' },
  'on-battery': { ...yes, help: 'on its battery too' },
  'not-metered': { ...yes, help: 'wait while the network is metered' },
  metered: { ...yes, help: 'over a metered network too' },
  window: { ...one, value: 'HH:MM-HH:MM', help: 'begin only between these; or none' },
  'not-busy': { ...one, value: 'SIZE/s', help: 'wait while the guest moves more; or none' },
  ...keepOptions,
  verify: { ...one, value: 'nothing|structure|data', help: 'what of a new point is checked' },
  'before-hook': { ...one, value: 'PROGRAM', help: 'run before; see above; or none' },
  'hook-must-succeed': { ...yes, help: 'do not begin when the hook before fails' },
  'hook-may-fail': { ...yes, help: 'begin all the same' },
  'after-hook': { ...one, value: 'PROGRAM', help: 'run after; or none' },
  'hook-timeout': { ...one, value: 'TIME', help: 'end a hook after this (default: 10m)' },
  'after-hook-timeout': { ...one, value: 'TIME', help: 'end the hook after so, if otherwise' },
  limit: { ...one, value: 'SIZE/s', help: 'read no faster than this; or none' },
  'at-once': { ...one, value: 'N', help: 'most machines of one host at once, 1 to 4' },
  'tell-success': { ...yes, help: 'news of what went well too' },
  'tell-failures': { ...yes, help: 'news only of what did not' },
  'overdue-after': { ...one, value: 'TIME', help: 'tell, once, of a machine this long without' },
};

export const newPlanHelp = [
  'Without options: --all --daily 02:00 --catch-up --keep balanced --verify structure --at-once 2.',
  'Where numbers to keep are given, no others are.',
].join('\n');

export const draftHelp = [
  'SIZE is a number with K, M, G or T; TIME one with s, m, h or d.',
  'A hook is run without a shell: one program by its full path, or its words as a JSON list:',
  `  --before-hook '["/usr/local/bin/quiet", "web 01"]'`,
].join('\n');

/** True when any of them was given. */
export function saysAnything(context: Context): boolean {
  return Object.keys(draftOptions).some((name) => context.values[name] !== undefined);
}

/** Which of two opposite flags was given; `now` when neither was. */
export function either(context: Context, on: string, off: string, now: boolean): boolean {
  if (flag(context, on) && flag(context, off)) throw usage(`Either --${on} or --${off}, not both.`);
  return flag(context, on) || (now && !flag(context, off));
}

const nothingKept: Retention = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
const maxKept = 1000;

/**
 * What is kept; null is everything. Numbers change `now`; of a plan that is `fresh` they are all
 * there is, because who writes numbers means those.
 */
export function keepOf(context: Context, now: Retention | null, fresh: boolean): Retention | null {
  const numbers = retentionKeys.flatMap((key) => {
    const text = textValue(context, `keep-${key}`);
    return text === undefined ? [] : [[key, wholeOf(`keep-${key}`, text, 0, maxKept)] as const];
  });
  const name = textValue(context, 'keep');
  if (flag(context, 'keep-all')) {
    if (name === undefined && numbers.length === 0) return null;
    throw usage('Either --keep-all or numbers, not both.');
  }
  const preset = presetNames.find((known) => known === name);
  if (name !== undefined && preset === undefined) {
    throw usage(`--keep is ${presetNames.join(', ')}.`);
  }
  if (preset === undefined && numbers.length === 0) return now;
  const begin =
    preset === undefined ? (fresh ? nothingKept : (now ?? nothingKept)) : retentionPresets[preset];
  return { ...begin, ...Object.fromEntries(numbers) };
}
