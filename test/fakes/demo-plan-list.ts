/**
 * Four invented plans over the invented machines: one runs well, one has a machine that fails, one
 * waits for a drive, one is paused. `two-hundred` has one plan for everything.
 */
import { defaultPlanDraft, retentionPresets } from '#contract/plan-defaults.ts';
import type { Machine } from '#contract/domain.ts';
import type { Pause, PlanDraft, PlanId } from '#contract/plans.ts';
import { attic, day, rack, vault } from './demo-machines.ts';

export interface StoredPlan {
  readonly id: PlanId;
  readonly draft: PlanDraft;
  readonly createdAt: number;
  readonly pause: Pause;
}

/** The zone of whoever looks, so that 02:00 is 02:00 on their screen. */
const demoZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

const nightly = [
  ...['mail', 'jenkins', 'dc-01', 'debian-dev', 'grafana', 'home-assistant', 'opnsense', 'pihole'],
];
const twiceADay = ['nextcloud', 'gitea', 'postgres-main'];

function draft(name: string, change: Partial<PlanDraft>): PlanDraft {
  return { ...defaultPlanDraft(demoZone), name, repositories: [attic.id], ...change };
}

export function demoPlans(machines: readonly Machine[], now: number): StoredPlan[] {
  const chosen = (names: readonly string[]): PlanDraft['machines'] => ({
    kind: 'chosen',
    machines: names.flatMap((name) => machines.find((one) => one.name === name)?.id ?? []),
  });
  const usual = draft('', {});
  const plan = (id: string, age: number, of: PlanDraft, pause: Pause = { kind: 'no' }) => ({
    id: id as PlanId,
    draft: of,
    createdAt: now - age * day,
    pause,
  });
  return [
    plan(
      'plan-nightly',
      90,
      draft('Nightly', {
        machines: chosen(nightly),
        conditions: { ...usual.conditions, busyBytesPerSecond: 60 * 1024 ** 2 },
        triggers: { ...usual.triggers, beforeRevert: true },
      }),
    ),
    plan(
      'plan-twice',
      200,
      draft('Twice a day', {
        machines: chosen(twiceADay),
        calendar: { kind: 'daily', at: ['02:00', '14:00'] },
        keep: { last: 6, hourly: 0, daily: 14, weekly: 8, monthly: 12, yearly: 0 },
        verify: 'data',
        hooks: {
          before: null,
          after: {
            argv: ['/usr/local/bin/ping-monitor', '--job', 'waymark'],
            timeoutSeconds: 60,
            stopOnFailure: false,
          },
        },
      }),
    ),
    plan(
      'plan-weekly',
      120,
      draft('Weekly, off site', {
        machines: chosen(['win11-tax', 'nextcloud', 'debian-dev']),
        calendar: { kind: 'weekly', days: ['sun'], at: '18:30' },
        repositories: [vault.id],
        keep: { ...retentionPresets.long },
        conditions: { ...usual.conditions, notOnBattery: true },
      }),
    ),
    plan(
      'plan-monthly',
      300,
      draft('End of the month', {
        machines: {
          kind: 'host',
          host: rack.id,
          except: machines.filter(({ name }) => name.startsWith('old-crm')).map(({ id }) => id),
        },
        calendar: { kind: 'monthly', day: 'last', at: '04:00' },
        keep: { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 12, yearly: 5 },
      }),
      { kind: 'paused', until: null },
    ),
  ];
}

/** One plan for everything, for density. */
export function onePlan(now: number): StoredPlan[] {
  const of = draft('Everything', {});
  return [
    { id: 'plan-all' as PlanId, draft: of, createdAt: now - 30 * day, pause: { kind: 'no' } },
  ];
}

/** Which machines a plan means now. */
export function membersOf(of: PlanDraft, machines: readonly Machine[]): readonly Machine[] {
  const { machines: rule } = of;
  switch (rule.kind) {
    case 'chosen':
      return rule.machines.flatMap((id) => machines.find((one) => one.id === id) ?? []);
    case 'host':
      return machines.filter((one) => one.host.id === rule.host && !rule.except.includes(one.id));
    case 'all':
      return machines.filter((one) => !rule.except.includes(one.id));
  }
}
