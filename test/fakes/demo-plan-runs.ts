/** The runs that came of the invented plans in the last three weeks, newest first. */
import type { Machine, Point } from '#contract/domain.ts';
import type { Cause, PlanRun, PlanRunId, PlanRunState } from '#contract/plans.ts';
import { timesOf } from '#engine/schedule/calendar.ts';
import { attic, day, hour, vault } from './demo-machines.ts';
import { membersOf, type StoredPlan } from './demo-plan-list.ts';

/** The most times of a plan the contract tells of at once. */
export const maxTimes = 1000;
const runDays = 21;
const minute = 60_000;

interface Making {
  readonly plan: StoredPlan;
  readonly machine: Machine;
  readonly due: number;
  /** How many of the plan's times came after it. */
  readonly back: number;
  readonly now: number;
}

const noSpace = (machine: string): PlanRunState & { kind: 'failed' } => ({
  kind: 'failed',
  at: 0,
  error: {
    code: 'no-space',
    message: 'The scratch folder on rack is full.',
    data: {
      where: 'scratch',
      path: '/var/lib/waymark-scratch',
      unharmed: `The machine ${machine} and its 11 points are unharmed.`,
      advice: 'Free at least 8 GiB there, then run it again.',
    },
  },
});

function stateOf({ plan, machine, due, back, now }: Making): PlanRunState {
  const at = due + 4 * minute + (machine.name.length % 5) * minute;
  // mail-3 of a long list behaves as mail does.
  const name = machine.name.replace(/-\d$|-1\d$/, '');
  if (plan.pause.kind === 'paused' && back < 2) {
    return { kind: 'skipped', at: due, words: 'The plan was paused.' };
  }
  if (plan.draft.repositories.includes(vault.id)) {
    const words = 'Waits for the folder of usb-vault, which is not there.';
    if (back === 0) return { kind: 'waiting', reason: 'repository-absent', words, since: due };
    if (back === 1) {
      const waited = 'A newer time came while it waited for the folder of usb-vault.';
      return { kind: 'skipped', at: due + 7 * day, words: waited };
    }
  }
  if (name === 'mail' && back < 3 && plan.draft.calendar?.kind === 'daily')
    return { ...noSpace(name), at };
  if (name === 'jenkins' && back === 0) {
    const words = 'Waits while jenkins writes 84 MiB/s; the plan says not above 60 MiB/s.';
    return { kind: 'waiting', reason: 'machine-busy', words, since: due };
  }
  if (name === 'jenkins' && back < 5) {
    const words = 'A newer time came while it waited: jenkins was busy all day.';
    return { kind: 'skipped', at: Math.min(now, due + day), words };
  }
  if (name === 'nextcloud' && back === 17) {
    return { kind: 'problems', at, problems: ['The program after it ended with 1.'] };
  }
  return { kind: 'done', at };
}

function logOf({ plan, machine, due }: Making, state: PlanRunState): readonly string[] {
  const clock = (ms: number) => new Date(ms).toISOString().slice(11, 19);
  const began = `${clock(due)} Began to back up ${machine.name}.`;
  if (state.kind === 'failed') {
    return [began, `${clock(due + 2000)} Failed: ${state.error.message}`];
  }
  if (state.kind !== 'done' && state.kind !== 'problems') return [];
  const hook = plan.draft.hooks.after;
  const after = hook === null ? [] : [`${clock(state.at)} after: ${hook.argv.join(' ')}`];
  return [
    began,
    `${clock(due + minute)} Read 1.2 GiB, stored 412 MiB.`,
    `${clock(due + 2 * minute)} Verified: ${plan.draft.verify}.`,
    ...after,
    `${clock(state.at)} Kept what the rule asks for; 1 point was removed.`,
  ];
}

function pointNear(points: readonly Point[], machine: Machine, due: number): Point | undefined {
  return points.find(
    (point) => point.machine.uuid === machine.uuid && Math.abs(point.time - due) < day / 2,
  );
}

function runOf(making: Making, points: readonly Point[], cause: Cause): PlanRun {
  const { plan, machine, due } = making;
  const state = stateOf(making);
  const ended = state.kind === 'done' || state.kind === 'problems';
  const repository = plan.draft.repositories.includes(vault.id) ? vault : attic;
  return {
    id: `${plan.id}/${due}/${machine.uuid}/${cause}` as PlanRunId,
    plan: { id: plan.id, name: plan.draft.name },
    machine: { id: machine.id, uuid: machine.uuid, name: machine.name },
    repository,
    cause,
    due,
    startedAt: ended || state.kind === 'failed' ? due : null,
    state,
    job: null,
    point: ended ? (pointNear(points, machine, due)?.id ?? null) : null,
    log: logOf(making, state),
  };
}

/** The night this computer was off: missed, and made up for in the morning. */
const missedBack = 6;

function runsAt(making: Omit<Making, 'machine'>, machines: readonly Machine[], points: Point[]) {
  const { plan, due, back } = making;
  const nightOff = plan.id === 'plan-nightly' && back === missedBack;
  return machines.flatMap((machine): PlanRun[] => {
    const one = { ...making, machine };
    if (!nightOff) return [runOf(one, points, 'schedule')];
    const words = 'Waymark was not running then: this computer was off until 08:12.';
    const missed: PlanRun = {
      ...runOf(one, points, 'schedule'),
      startedAt: null,
      state: { kind: 'missed', at: due + 6 * hour, words },
      point: null,
      log: [],
    };
    const caught = runOf({ ...one, due: due + 6 * hour + 12 * minute }, points, 'catch-up');
    return [caught, missed];
  });
}

export function demoPlanRuns(
  plans: readonly StoredPlan[],
  machines: readonly Machine[],
  points: Point[],
  now: number,
): PlanRun[] {
  return plans
    .flatMap((plan) => {
      const { calendar, zone } = plan.draft;
      if (calendar === null) return [];
      const from = now - (calendar.kind === 'monthly' ? 5 : 1) * runDays * day;
      const times = timesOf(calendar, zone)?.between(from, now, maxTimes) ?? [];
      const members = membersOf(plan.draft, machines);
      return times.flatMap((due, index) =>
        runsAt({ plan, due, back: times.length - 1 - index, now }, members, points),
      );
    })
    .sort((a, b) => b.due - a.due);
}
