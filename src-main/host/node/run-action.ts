/**
 * One change of a machine's snapshots or checkpoints, from its plan to its end. What runs is the
 * plan that was judged here: the engine refuses to start another one.
 */
import type { ActionPlan, MachineAction } from '#contract/actions.ts';
import type { Client } from '#contract/client.ts';
import type { JobId, JobResult, Machine } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { Unfinished } from '#contract/moments.ts';
import { actionLine } from './action-line.ts';
import { passChecks } from './checks.ts';
import { confirmByName, confirmStep, flag, operand, type Context, type Option } from './command.ts';
import { findMachine } from './find.ts';
import { follow, unexpectedResult } from './follow.ts';
import { exitCodes, type ExitCode } from './output.ts';
import { dryRunWords, planWords, saidWith } from './plan-words.ts';
import { plain } from './words.ts';

type ActionResult = Extract<JobResult, { readonly kind: 'action' }>;

export const planOption: Option = {
  type: 'boolean',
  help: 'show what would be done, and do nothing',
};

/** A machine, and the word the person wrote for it: commands offered to them use the same word. */
interface Wanted {
  readonly word: string;
  readonly machine: Machine;
}

interface Performed {
  readonly result: ActionResult;
  readonly exitCode: ExitCode;
}

export async function wantedMachine(context: Context, client: Client): Promise<Wanted> {
  const word = operand(context, 0);
  return { word, machine: await findMachine(client, word) };
}

/** With `--plan` shows the plan; else runs it and prints what came of it. */
export async function runAction(
  context: Context,
  client: Client,
  wanted: Wanted,
  action: MachineAction,
): Promise<ExitCode> {
  if (flag(context, 'plan')) return showPlan(context, client, wanted, action);
  const { result, exitCode } = await perform(context, client, wanted, action);
  context.output.result(resultValue(result), () => resultWords(wanted.word, result));
  return exitCode;
}

/** The dry run: a refusal is a plan like any other, and only the exit code differs. */
export async function showPlan(
  context: Context,
  client: Client,
  { word, machine }: Wanted,
  action: MachineAction,
): Promise<ExitCode> {
  const plan = await client.call('actions.plan', { machine: machine.id, action });
  context.output.result({ plan }, () =>
    [planWords(word, plan), dryRunWords(plan)].join('\n').trimEnd(),
  );
  return plan.verdict === 'refused' ? exitCodes.refused : exitCodes.done;
}

/**
 * Plans, asks what has to be asked, and stays with the job until it ends. Throws `refused` with
 * reasons and alternatives, `confirmation-required`, or the error of the job.
 */
export async function perform(
  context: Context,
  client: Client,
  { word, machine }: Wanted,
  action: MachineAction,
): Promise<Performed> {
  const plan = await client.call('actions.plan', { machine: machine.id, action });
  if (plan.verdict === 'refused') throw await refusal(client, word, plan);
  // Whoever is about to be asked, and whoever reads the log of a script, sees what is agreed to.
  const plainly = plan.tier === 1 && plan.verdict === 'allowed';
  if (!plainly && !context.json) context.output.note(planWords(word, plan));
  const accepted = await passChecks(context, plan.checks);
  await confirmPlan(context, plan);
  const start = (): Promise<JobId> =>
    client.call('actions.start', {
      machine: machine.id,
      action,
      fingerprint: plan.fingerprint,
      accepted: [...accepted],
      typed: plan.confirm,
    });
  const { job, result, exitCode } = await follow(context, client, start);
  if (result?.kind !== 'action') throw unexpectedResult(job);
  return { result, exitCode };
}

/** ux.md section 4: tier 2 is a yes, tier 3 the typed name; what can be undone is just done. */
async function confirmPlan(context: Context, plan: ActionPlan): Promise<void> {
  if (plan.tier === 1 && plan.confirm === null) return;
  const lost = plan.lost.length === 0 ? [] : [`Lost for good: ${plan.lost.join('; ')}.`];
  const question = [`${plan.title}?`, ...lost, plan.undo].join(' ');
  if (plan.confirm === null) await confirmStep(context, question);
  else await confirmByName(context, question, plan.confirm);
}

async function refusal(client: Client, word: string, plan: ActionPlan): Promise<AppError> {
  const blockers = plan.checks.filter((check) => check.level === 'blocker');
  const told = new Set(plan.reasons.map(({ title }) => title));
  const causes = [...plan.reasons, ...blockers.filter(({ title }) => !told.has(title))];
  const alternatives = plan.alternatives.map(({ title, action }) => ({
    title,
    command: actionLine(word, action),
  }));
  const cutOff = (await client.call('unfinished.list', {})).filter(
    ({ machine }) => machine.id === plan.machine.id,
  );
  const ways = [...alternatives, ...cutOff.flatMap(unfinishedWays)];
  return new AppError('refused', causes[0]?.title ?? `${plan.title}: refused.`, {
    reasons: causes.map(saidWith),
    checks: blockers.map(({ id, title, detail }) => ({ id, title, detail })),
    alternatives: ways,
    unharmed: 'Nothing was touched.',
    advice: ways.map(({ title, command }) => `${title}: ${command}`),
  });
}

/** The ways out of a change that was cut off, as far as each is open. */
export function unfinishedWays({
  id,
  title,
  finish,
  undo,
  leave,
}: Unfinished): readonly { readonly title: string; readonly command: string }[] {
  return [
    ...(finish === null
      ? []
      : [{ title: `Finish "${title}"`, command: `waymark change finish ${id}` }]),
    ...(undo === null ? [] : [{ title: `Undo "${title}"`, command: `waymark change undo ${id}` }]),
    ...(leave === null
      ? []
      : [{ title: `Leave "${title}" as it is`, command: `waymark change leave ${id}` }]),
  ];
}

/** The document of `--json`. */
export function resultValue({ action, summary, undo, seconds }: ActionResult) {
  return { action, summary, undo, seconds };
}

export function resultWords(word: string, { summary, undo }: ActionResult): string {
  if (undo === null) return plain(summary);
  return [plain(summary), `To undo it: ${plain(actionLine(word, undo))}`].join('\n');
}
