/** What is wrong with a draft of a plan, field by field, before it is kept. */
import type { PlanCheck, PlanDraft, PlanId, PlanProblem } from '#contract/plans.ts';
import { calendarProblem, timesOf, zoneProblem } from './calendar.ts';
import { clockChangeWords } from './clock-change.ts';
import { earliestClock } from './due.ts';
import { rulesBeside, type RuleBeside } from './every-rule.ts';
import { leftOut, membersOf, type Member, type Members } from './members.ts';
import type { ScheduleParts } from './parts.ts';
import { clockWords } from './plan-view.ts';
import { isWithin } from './time-window.ts';

/** Coming times looked at for whether all of them lie outside the window. */
const maxLookedAt = 50;
const shownTimes = 3;

type Parts = Pick<ScheduleParts, 'world' | 'catalog' | 'seen' | 'hooks'>;

/** `plan` is the one that would be changed; null for a new one. */
export async function checkPlan(
  parts: Parts,
  draft: PlanDraft,
  plan: PlanId | null,
): Promise<PlanCheck> {
  const { catalog, world, seen } = parts;
  const remembered = plan === null ? [] : catalog.plans.members(plan);
  const members = membersOf(draft.machines, seen(), remembered);
  const now = world.clock.now();
  const times = draft.calendar === null ? null : timesOf(draft.calendar, draft.zone);
  const problems = [
    ...nameProblems(parts, draft, plan),
    ...machineProblems(parts, draft, members),
    ...diskProblems(draft, members.here),
    ...calendarProblems(draft, now),
    ...windowProblems(draft, now),
    ...repositoryProblems(parts, draft),
    ...keepProblems(parts, draft, plan, members.here),
    ...(await hookProblems(parts, draft)),
  ];
  const next = times?.between(now + 1, Number.MAX_SAFE_INTEGER, shownTimes) ?? [];
  return {
    problems,
    next,
    clockChange: draft.calendar === null ? '' : clockChangeWords(draft.calendar, draft.zone, now),
    members: members.here.map(({ id, name }) => ({ id, name })),
  };
}

function blocker(field: string, message: string): PlanProblem {
  return { field, level: 'blocker', message };
}

function warning(field: string, message: string): PlanProblem {
  return { field, level: 'warning', message };
}

function nameProblems({ catalog }: Parts, { name }: PlanDraft, plan: PlanId | null) {
  const taken = catalog.plans.list().some((one) => one.draft.name === name && one.id !== plan);
  return taken ? [blocker('name', `A plan is already called ${name}. Choose another name.`)] : [];
}

function machineProblems(
  { seen }: Parts,
  { machines }: PlanDraft,
  { here, gone }: Members,
): readonly PlanProblem[] {
  if (machines.kind === 'chosen') {
    if (machines.machines.length === 0) {
      return [blocker('machines', 'Choose at least one machine.')];
    }
    const level = here.length === 0 ? blocker : warning;
    return gone.map(({ name }) =>
      level('machines', `${name} is on no host any more. Take it out; its restore points stay.`),
    );
  }
  if (machines.kind === 'host' && !seen().hosts.some(({ id }) => id === machines.host)) {
    return [blocker('machines', 'This host is not known here any more. Choose another one.')];
  }
  if (here.length > 0) return [];
  return [warning('machines', 'This means no machine now. New ones are included by themselves.')];
}

function diskProblems({ exclude }: PlanDraft, here: readonly Member[]): readonly PlanProblem[] {
  return here.flatMap(({ id, disks, name }) => {
    const targets = leftOut(exclude, id);
    if (disks === null || targets.length === 0) return [];
    const left = disks.filter((disk) => !targets.includes(disk));
    if (left.length === 0) {
      const words = `Every disk of ${name} is left out, so nothing of it would be backed up.`;
      return [blocker('exclude', words)];
    }
    return targets
      .filter((one) => !disks.includes(one))
      .map((one) => warning('exclude', `${name} has no disk ${one} any more.`));
  });
}

function calendarProblems(draft: PlanDraft, now: number): readonly PlanProblem[] {
  const { calendar, zone, triggers } = draft;
  const wrongClock = now < earliestClock ? [warning('calendar', clockWords)] : [];
  const unknown = zoneProblem(zone);
  if (unknown !== null) return [blocker('zone', unknown), ...wrongClock];
  if (calendar === null) {
    if (triggers.changedBytes !== null || triggers.shutdown || triggers.beforeRevert) return [];
    return [warning('calendar', 'Nothing begins this plan by itself: only a person does.')];
  }
  const unreadable = calendarProblem(calendar);
  if (unreadable !== null) return [blocker('calendar', unreadable), ...wrongClock];
  if (timesOf(calendar, zone)?.next(now) === null) {
    const words = 'This never comes: no date fits it, as with the 31st of February.';
    return [blocker('calendar', words), ...wrongClock];
  }
  return wrongClock;
}

function windowProblems(draft: PlanDraft, now: number): readonly PlanProblem[] {
  const { calendar, zone, conditions } = draft;
  const { window } = conditions;
  if (window === null) return [];
  const times = calendar === null ? null : timesOf(calendar, zone);
  const coming = times?.between(now, Number.MAX_SAFE_INTEGER, maxLookedAt) ?? [];
  if (coming.length === 0 || coming.some((time) => isWithin(window, zone, time))) return [];
  const words = `Every planned time is outside these hours: each run waits until ${window.from}.`;
  return [warning('conditions.window', words)];
}

function repositoryProblems({ catalog }: Parts, draft: PlanDraft): readonly PlanProblem[] {
  return draft.repositories.flatMap((id) => {
    const repository = catalog.repositories.get(id);
    if (repository === null) {
      const words = 'A repository of this plan is not known here any more. Choose another one.';
      return [blocker('repositories', words)];
    }
    if (repository.keyStorage !== 'asked-every-time') return [];
    const words =
      `${repository.name} asks for its password every time, so runs wait until a person gave it ` +
      'once after each start of Waymark.';
    return [warning('repositories', words)];
  });
}

function keepProblems(
  parts: Parts,
  draft: PlanDraft,
  plan: PlanId | null,
  here: readonly Member[],
): readonly PlanProblem[] {
  const { keep } = draft;
  if (keep !== null && Object.values(keep).every((count) => count === 0)) {
    return [blocker('keep', 'This would keep nothing. Keep at least the last restore point.')];
  }
  const beside = rulesBeside(parts, plan);
  const shared = new Map<PlanId, { readonly rule: RuleBeside; readonly where: string[] }>();
  for (const repository of draft.repositories) {
    const name = parts.catalog.repositories.get(repository)?.name ?? '';
    for (const machine of here) {
      for (const rule of beside(machine.uuid, repository)) {
        const found = shared.get(rule.id) ?? { rule, where: [] };
        found.where.push(`${machine.name} in ${name}`);
        shared.set(rule.id, found);
      }
    }
  }
  return [...shared.values()]
    .filter(({ rule }) => keep !== null || rule.keep !== null)
    .map(({ rule, where }) => warning('keep', sharedWords(rule, where, keep === null)));
}

/** What another plan for the same machines and repositories means for the rule of this one. */
function sharedWords(rule: RuleBeside, where: readonly string[], all: boolean): string {
  const more = where.length > 1 ? `, and ${where.length - 1} more` : '';
  const of = `of ${where[0] ?? ''}${more}`;
  if (all) return `This keeps every point ${of}, so ${rule.name} removes none of them any more.`;
  if (rule.keep === null) return `${rule.name} keeps every point ${of}, so none of them goes.`;
  return `${rule.name} also keeps points ${of}: what either keeps stays.`;
}

async function hookProblems({ hooks }: Parts, draft: PlanDraft): Promise<readonly PlanProblem[]> {
  const { before, after } = draft.hooks;
  const problems: PlanProblem[] = [];
  const wrongBefore = before === null ? null : await hooks.check(before);
  if (before !== null && wrongBefore !== null) {
    const level = before.stopOnFailure ? blocker : warning;
    problems.push(level('hooks.before', wrongBefore));
  }
  const wrongAfter = after === null ? null : await hooks.check(after);
  if (wrongAfter !== null) problems.push(warning('hooks.after', wrongAfter));
  return problems;
}
