/** The window shows a plan as a command: typed, it has to make that very plan. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { MachineId } from '#contract/domain.ts';
import type { Calendar, Hook, PlanDraft, PlanMachines, Retention } from '#contract/plans.ts';
import { weekdays } from '#contract/plans.ts';
import { createArguments, type CommandNames } from '../../../../src-renderer/text/plan-command.ts';
import { plansEngine } from '../../../fakes/scripted-plans.ts';
import { waymark } from '../../../fakes/terminal-run.ts';

const { engine, drafts } = plansEngine();
const { machines, hosts, repositories } = engine.state;
const named = (all: readonly { readonly id: string; readonly name: string }[]) => {
  const names = new Map<string, string>(all.map(({ id, name }) => [id, name]));
  return (id: string) => names.get(id) ?? id;
};
const names: CommandNames = {
  machine: named(machines),
  host: named(hosts),
  repository: named(repositories),
};

const time = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
  .map((parts) => parts.map((part) => String(part).padStart(2, '0')).join(':'));
const someMachines = fc.subarray(machines.map(({ id }) => id));
const machineRule: fc.Arbitrary<PlanMachines> = fc.oneof(
  fc
    .subarray(
      machines.map(({ id }) => id),
      { minLength: 1 },
    )
    .map((ids) => ({
      ...{ kind: 'chosen' as const, machines: ids },
    })),
  someMachines.map((except) => ({ kind: 'all' as const, except })),
  fc.tuple(fc.constantFrom(...hosts), someMachines).map(([host, except]) => ({
    ...{ kind: 'host' as const, host: host.id, except },
  })),
);
const calendar: fc.Arbitrary<Calendar | null> = fc.oneof(
  fc.constant(null),
  fc.integer({ min: 0, max: 59 }).map((minute) => ({ kind: 'hourly' as const, minute })),
  fc.uniqueArray(time, { minLength: 1, maxLength: 5 }).map((at) => ({
    ...{ kind: 'daily' as const, at: at.toSorted() },
  })),
  fc.tuple(fc.subarray([...weekdays], { minLength: 1 }), time).map(([days, at]) => ({
    ...{ kind: 'weekly' as const, days, at },
  })),
  fc
    .tuple(fc.oneof(fc.integer({ min: 1, max: 31 }), fc.constant('last' as const)), time)
    .map(([day, at]) => ({ kind: 'monthly' as const, day, at })),
  fc.constant({ kind: 'cron' as const, expression: '*/5 1-3 * * mon' }),
);
const count = fc.integer({ min: 0, max: 40 });
const keep: fc.Arbitrary<Retention> = fc
  .record({
    ...{ last: count, hourly: count, daily: count, weekly: count, monthly: count, yearly: count },
  })
  .filter((one) => Object.values(one).some((value) => value > 0));
const word = fc.constantFrom('/bin/sync', '-f', 'a b', "it's", 'none', '["x"]', '$HOME', '');
const hook = (mayStop: boolean): fc.Arbitrary<Hook | null> =>
  fc.option(
    fc.record({
      argv: fc
        .tuple(fc.constantFrom('/bin/sync', 'sync', '[odd'), fc.array(word, { maxLength: 3 }))
        .map(([program, rest]) => [program, ...rest]),
      timeoutSeconds: fc.integer({ min: 1, max: 86_400 }),
      stopOnFailure: mayStop ? fc.boolean() : fc.constant(false),
    }),
  );
const bytes = fc.option(
  fc.oneof(
    fc.integer({ min: 1, max: 10_000 }),
    fc.integer({ min: 1, max: 5000 }).map((mib) => mib * 1024 ** 2),
  ),
);
const draft: fc.Arbitrary<PlanDraft> = fc.record({
  name: fc.constantFrom('Nightly', 'Each night', 'none'),
  machines: machineRule,
  exclude: someMachines.map((ids) =>
    ids.flatMap((machine: MachineId) => {
      const target = machines.find(({ id }) => id === machine)?.disks[0]?.target;
      return target === undefined ? [] : [{ machine, targets: [target] }];
    }),
  ),
  calendar,
  zone: fc.constantFrom('Europe/Berlin', 'America/New_York', 'UTC'),
  catchUp: fc.boolean(),
  triggers: fc.record({
    changedBytes: bytes,
    shutdown: fc.boolean(),
    beforeRevert: fc.boolean(),
    shortestIntervalSeconds: fc.integer({ min: 0, max: 86_400 }),
  }),
  conditions: fc.record({
    notOnBattery: fc.boolean(),
    notMetered: fc.boolean(),
    window: fc.option(fc.record({ from: time, to: time })),
    busyBytesPerSecond: bytes,
  }),
  repositories: fc.subarray(
    repositories.map(({ id }) => id),
    { minLength: 1 },
  ),
  keep: fc.option(keep),
  verify: fc.constantFrom('nothing', 'structure', 'data'),
  hooks: fc.record({ before: hook(true), after: hook(false) }),
  limits: fc.record({ machinesAtOnce: fc.integer({ min: 1, max: 4 }), bytesPerSecond: bytes }),
  notify: fc.record({
    success: fc.boolean(),
    overdueAfterSeconds: fc.integer({ min: 3600, max: 366 * 86_400 }),
  }),
});

test('every plan is made by the command the window shows for it', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(draft, async (wanted) => {
      const args = ['plan', 'create', ...createArguments(wanted, names), '--json'];
      const run = await waymark(args, { engine });
      expect([run.code, run.err]).toEqual([0, '']);
      expect(drafts.at(-1)).toEqual(wanted);
    }),
    { numRuns: 200 },
  );
});
