/** waymark plan …: what is backed up by itself, when, where to and how long it is kept. */
import type { Client } from '#contract/client.ts';
import { AppError } from '#contract/errors.ts';
import { defaultPlanDraft, draftOf } from '#contract/plan-defaults.ts';
import type { Plan, PlanCheck, PlanDraft, PlanId } from '#contract/plans.ts';
import { confirmStep, operand, textValue, usage, type Command, type Context } from '../command.ts';
import { findPlan } from '../find.ts';
import { exitCodes } from '../output.ts';
import { draftFrom } from '../plan-draft.ts';
import { draftHelp, draftOptions, newPlanHelp, saysAnything } from '../plan-options.ts';
import { momentOf, secondsOf } from '../quantities.ts';
import { plain, sheet, table } from '../words.ts';
import {
  planFields,
  pauseWords,
  runStateWords,
  whenWords,
  momentIn,
  zoneHere,
} from '../words-plans.ts';

const makeOne = 'waymark plan create <name> --to <repository>';

const list: Command = {
  name: 'plan list',
  operands: '',
  summary: 'the plans, when each runs next, and how it went',
  options: {},
  count: { min: 0, max: 0 },
  async run(context) {
    const plans = await (await context.client()).call('plans.list', {});
    context.output.result({ plans }, () => {
      if (plans.length === 0) {
        return 'No plans yet. All machines, each night: ' + makeOne;
      }
      return table(
        ['name', 'machines', 'when', 'state', 'next', 'last good'],
        plans.map((plan) => [
          plan.name,
          String(plan.members.length),
          whenWords(plan),
          plan.troubles.length > 0 ? 'needs a look' : pauseWords(plan.pause),
          plan.nextDue === null ? '' : momentIn(plan.zone, plan.nextDue),
          plan.lastGood === null ? 'never' : momentIn(plan.zone, plan.lastGood),
        ]),
      );
    });
    return exitCodes.done;
  },
};

/** The whole plan, what is wrong with it, and what waits. */
async function planWords(client: Client, plan: Plan, check: PlanCheck): Promise<string> {
  const repositories = await client.call('repositories.list', {});
  const names = new Map<string, string>(repositories.map(({ id, name }) => [id, name]));
  return [
    sheet(planFields(plan, check, (id) => names.get(id) ?? 'one that is gone')),
    ...plan.troubles.map((trouble) => `Needs a look: ${plain(trouble)}`),
    ...plan.waiting.map((run) => plain(`${run.machine.name}: ${runStateWords(run)} (${run.id})`)),
  ].join('\n');
}

const show: Command = {
  name: 'plan show',
  operands: '<name>',
  summary: 'one plan in full, with its next three times',
  options: {},
  count: { min: 1, max: 1 },
  async run(context) {
    const client = await context.client();
    const plan = await findPlan(client, operand(context, 0));
    const check = await client.call('plans.check', { draft: draftOf(plan), plan: plan.id });
    const words = context.json ? '' : await planWords(client, plan, check);
    context.output.result({ plan, next: check.next }, () => words);
    return exitCodes.done;
  },
};

/** What cannot be is `refused` with every reason; what may surprise is told. */
async function checked(
  context: Context,
  client: Client,
  draft: PlanDraft,
  plan: PlanId | null,
): Promise<PlanCheck> {
  const check = await client.call('plans.check', { draft, plan });
  const blockers = check.problems.filter(({ level }) => level === 'blocker');
  if (blockers.length > 0) {
    throw new AppError('refused', 'This plan cannot be.', {
      reasons: blockers.map(({ message }) => message),
      problems: blockers.map(({ field, message }) => ({ field, message })),
      unharmed: plan === null ? 'No plan was made.' : 'The plan is as it was.',
    });
  }
  for (const { message } of check.problems) context.output.note(plain(message));
  return check;
}

/** A plan that nobody would run looks like protection and is none. */
async function noteWhoRunsIt({ output }: Context, client: Client): Promise<void> {
  const { running, service, autostart } = await client.call('background.get', {});
  const active = service.kind === 'installed' && service.active;
  if (running !== 'command-line' || active || autostart.installed) return;
  output.note(
    'Nothing runs plans here by itself yet: open the window, install the service in its ' +
      'settings, or let a timer of yours call waymark plan run-due.',
  );
}

const create: Command = {
  name: 'plan create',
  operands: '<name>',
  summary: 'protect machines by a plan: all of them, each night, if nothing else is said',
  options: draftOptions,
  count: { min: 1, max: 1 },
  details: `${newPlanHelp}\n${draftHelp}`,
  async run(context) {
    const before = { ...defaultPlanDraft(zoneHere()), name: operand(context, 0) };
    const draft = await draftFrom(context, before, true);
    const client = await context.client();
    const check = await checked(context, client, draft, null);
    const plan = await client.call('plans.create', { draft });
    const words = context.json ? '' : await planWords(client, plan, check);
    if (!context.json) await noteWhoRunsIt(context, client);
    context.output.result({ plan, next: check.next }, () => words);
    return exitCodes.done;
  },
};

const change: Command = {
  name: 'plan change',
  operands: '<name>',
  summary: 'change a plan; what is not named stays as it is',
  options: { ...draftOptions, name: { type: 'string', value: 'NAME', help: 'its new name' } },
  count: { min: 1, max: 1 },
  details: draftHelp,
  async run(context) {
    const name = textValue(context, 'name');
    if (name === undefined && !saysAnything(context)) throw usage('What is to change?');
    const client = await context.client();
    const old = await findPlan(client, operand(context, 0));
    const before = { ...draftOf(old), name: name ?? old.name };
    const draft = await draftFrom(context, before, false);
    const check = await checked(context, client, draft, old.id);
    const plan = await client.call('plans.change', { plan: old.id, draft });
    const words = context.json ? '' : await planWords(client, plan, check);
    context.output.result({ plan, next: check.next }, () => words);
    return exitCodes.done;
  },
};

function pausedUntil(context: Context): number | null {
  const until = textValue(context, 'until');
  const time = textValue(context, 'for');
  if (until !== undefined && time !== undefined) throw usage('Either --until or --for, not both.');
  if (time !== undefined) return context.now() + secondsOf('for', time) * 1000;
  if (until === undefined) return null;
  const epochMs = momentOf('until', until);
  if (epochMs > context.now()) return epochMs;
  throw usage('--until has to lie ahead.');
}

const pause: Command = {
  name: 'plan pause',
  operands: '<name>',
  summary: 'begin nothing by itself until a time, or until plan resume',
  options: {
    until: { type: 'string', value: 'TIME', help: 'such as 2026-12-01 or "2026-12-01 08:00"' },
    for: { type: 'string', value: 'TIME', help: 'such as 12h or 3d' },
  },
  count: { min: 1, max: 1 },
  details: 'What runs goes on, and waymark plan run still runs it.',
  async run(context) {
    const until = pausedUntil(context);
    const client = await context.client();
    const { id } = await findPlan(client, operand(context, 0));
    const plan = await client.call('plans.pause', { plan: id, until });
    context.output.result({ plan }, () => plain(`${plan.name}: ${pauseWords(plan.pause)}.`));
    return exitCodes.done;
  },
};

const resume: Command = {
  name: 'plan resume',
  operands: '<name>',
  summary: 'let a paused plan run by itself again',
  options: {},
  count: { min: 1, max: 1 },
  async run(context) {
    const client = await context.client();
    const { id } = await findPlan(client, operand(context, 0));
    const plan = await client.call('plans.resume', { plan: id });
    const next = plan.nextDue === null ? '' : `, next at ${momentIn(plan.zone, plan.nextDue)}`;
    context.output.result({ plan }, () => plain(`${plan.name}: on${next}.`));
    return exitCodes.done;
  },
};

const remove: Command = {
  name: 'plan remove',
  operands: '<name>',
  summary: 'remove a plan; its restore points and its history stay',
  options: {},
  count: { min: 1, max: 1 },
  async run(context) {
    const client = await context.client();
    const plan = await findPlan(client, operand(context, 0));
    const count = `${plan.members.length} machine${plan.members.length === 1 ? '' : 's'}`;
    await confirmStep(context, `Remove the plan ${plan.name}? It protects ${count}.`);
    await client.call('plans.remove', { plan: plan.id });
    context.output.result({ removed: plan }, () =>
      [
        `${plain(plan.name)} is removed. Its restore points stay.`,
        `To bring it back: waymark plan bring-back ${plan.id}`,
      ].join('\n'),
    );
    return exitCodes.done;
  },
};

const bringBack: Command = {
  name: 'plan bring-back',
  operands: '<id>',
  summary: 'undo plan remove',
  options: {},
  count: { min: 1, max: 1 },
  async run(context) {
    const client = await context.client();
    const plan = await client.call('plans.bring-back', { plan: operand(context, 0) as PlanId });
    context.output.result({ plan }, () => `${plain(plan.name)} is back.`);
    return exitCodes.done;
  },
};

export const planCommands: readonly Command[] = [
  ...[list, show, create, change, pause, resume, remove, bringBack],
];
