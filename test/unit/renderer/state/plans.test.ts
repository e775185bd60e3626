import { expect, test } from 'vitest';
import { createClient } from '#contract/client.ts';
import type { MachineId } from '#contract/domain.ts';
import type { Plan, PlanRun } from '#contract/plans.ts';
import { Plans } from '../../../../src-renderer/state/plans.svelte.ts';

const web = 'here/web' as MachineId;
const mail = 'here/mail' as MachineId;

function open() {
  const listeners: ((name: string, payload: unknown) => void)[] = [];
  const client = createClient({
    invoke: () => Promise.resolve({ ok: true, value: null }),
    subscribe: (listener) => {
      listeners.push(listener as (name: string, payload: unknown) => void);
      return () => undefined;
    },
  });
  const plans = new Plans(client);
  const emit = (name: string, payload: unknown): void => {
    for (const listener of listeners) listener(name, payload);
  };
  return { plans, emit };
}

function plan(id: string, machines: readonly MachineId[], waiting: readonly PlanRun[] = []): Plan {
  const members = machines.map((machine) => ({ machine }));
  return { id, name: id, members, waiting } as unknown as Plan;
}
const run = (machine: MachineId | null, kind: string): PlanRun =>
  ({ id: `${String(machine)} ${kind}`, machine: { id: machine }, state: { kind } }) as PlanRun;

test('the plans of a machine, and what of it waits', () => {
  const { plans, emit } = open();
  const waits = run(web, 'waiting');
  emit('plans.changed', [plan('nightly', [web, mail], [waits]), plan('weekly', [web])]);
  expect(plans.ofMachine(web).map(({ id }) => id)).toEqual(['nightly', 'weekly']);
  expect(plans.ofMachine('here/other' as MachineId)).toEqual([]);
  expect(plans.waitingOf(web)).toEqual(waits);
  expect(plans.waitingOf(mail)).toBeNull();
});

test('a machine is worked on from the run that began until it ended, however it ended', () => {
  const { plans, emit } = open();
  emit('plan-runs.changed', run(web, 'running'));
  emit('plan-runs.changed', run(null, 'running'));
  expect(plans.isRunning(web)).toBe(true);
  expect(plans.isRunning(mail)).toBe(false);
  emit('plan-runs.changed', run(web, 'failed'));
  expect(plans.isRunning(web)).toBe(false);
});
