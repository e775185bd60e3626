import { describe, expect, test } from 'vitest';
import { defaultPlanDraft, retentionPresets } from '#contract/plan-defaults.ts';
import type { PlanDraft } from '#contract/plans.ts';
import { createFakeEngine } from '../../../fakes/handlers.ts';
import { waymark } from '../../../fakes/terminal-run.ts';
import {
  createArguments,
  planCommand,
  type CommandNames,
} from '../../../../src-renderer/text/plan-command.ts';

const engine = createFakeEngine({ secondsPerJob: 0.05 });
const { machines, hosts, repositories } = engine.state;
const named = (
  list: readonly { readonly id: string; readonly name: string }[],
  id: string,
): string => list.find((one) => one.id === id)?.name ?? id;
const names: CommandNames = {
  machine: (id) => named(machines, id),
  host: (id) => named(hosts, id),
  repository: (id) => named(repositories, id),
};
const idOf = <Id extends string>(
  list: readonly { readonly id: Id; readonly name: string }[],
  name: string,
): Id => {
  const found = list.find((one) => one.name === name);
  if (found === undefined) throw new Error(`There is no ${name}.`);
  return found.id;
};
const attic = idOf(repositories, 'attic');
const begin: PlanDraft = { ...defaultPlanDraft('UTC'), name: 'New one', repositories: [attic] };

const nextcloud = idOf(machines, 'nextcloud');
const everything: PlanDraft = {
  ...begin,
  machines: { kind: 'host', host: idOf(hosts, 'rack'), except: [idOf(machines, 'old-crm')] },
  exclude: [{ machine: nextcloud, targets: ['vdb'] }],
  calendar: { kind: 'weekly', days: ['mon', 'fri'], at: '03:30' },
  zone: 'Europe/Berlin',
  catchUp: false,
  triggers: {
    changedBytes: 20 * 1024 ** 3,
    shutdown: true,
    beforeRevert: true,
    shortestIntervalSeconds: 5400,
  },
  conditions: {
    notOnBattery: true,
    notMetered: true,
    window: { from: '22:00', to: '06:00' },
    busyBytesPerSecond: 60 * 1024 ** 2,
  },
  repositories: [attic, idOf(repositories, 'usb-vault')],
  keep: { last: 2, hourly: 0, daily: 9, weekly: 0, monthly: 5, yearly: 1 },
  verify: 'data',
  hooks: {
    before: { argv: ['/bin/quiet', "it's web 01"], timeoutSeconds: 90, stopOnFailure: true },
    after: { argv: ['/bin/loud'], timeoutSeconds: 90, stopOnFailure: false },
  },
  limits: { machinesAtOnce: 3, bytesPerSecond: 50 * 1024 ** 2 },
  notify: { success: true, overdueAfterSeconds: 36 * 3600 },
};

const drafts: readonly (readonly [string, PlanDraft])[] = [
  ['what a new plan begins with', begin],
  ['everything said', everything],
  ['nothing ever removed', { ...begin, keep: null }],
  ['a preset', { ...begin, keep: { ...retentionPresets.long } }],
  ['several times a day', { ...begin, calendar: { kind: 'daily', at: ['02:00', '14:00'] } }],
  ['every hour', { ...begin, calendar: { kind: 'hourly', minute: 5 } }],
  ['the last of the month', { ...begin, calendar: { kind: 'monthly', day: 'last', at: '04:00' } }],
  ['an expression', { ...begin, calendar: { kind: 'cron', expression: '30 2 * * 1-5' } }],
  ['no calendar', { ...begin, calendar: null }],
  ['chosen machines', { ...begin, machines: { kind: 'chosen', machines: [nextcloud] } }],
];

describe('what will run', () => {
  test.each(drafts)('the command line makes the same plan: %s', async (_, draft) => {
    const own = createFakeEngine({ secondsPerJob: 0.05 });
    const args = ['plan', 'create', ...createArguments(draft, names)];
    const { code, err } = await waymark(args, { engine: own });
    expect(code, err).toBe(0);
    expect(own.state.plans.at(-1)?.draft).toEqual(draft);
  });

  test('says only what differs from where the command begins', () => {
    expect(planCommand(begin, names)).toBe(
      "waymark plan create 'New one' --all --to attic --daily 02:00 --zone UTC --keep balanced",
    );
  });
});
