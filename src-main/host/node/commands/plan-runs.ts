/** waymark plan run, run-due, run-now, skip and history: what comes of plans. */
import type { Client } from '#contract/client.ts';
import { AppError } from '#contract/errors.ts';
import type { PlanRun } from '#contract/plans.ts';
import { flag, operand, textValue, type Command, type Context } from '../command.ts';
import { findMachine, findPlan } from '../find.ts';
import { exitCodeOfRuns, followRuns, type RunsToFollow } from '../follow-runs.ts';
import { exitCodes, type ExitCode } from '../output.ts';
import { wholeOf } from '../quantities.ts';
import { passwordFileOption, unlockAll } from '../secrets.ts';
import { moment, plain, table } from '../words.ts';
import { causeWords, runAdvice, runStateWords } from '../words-plans.ts';

const historyRows = 50;
/** The most the contract answers at once. */
const maxHistoryRows = 500;

function runRow(run: PlanRun): readonly string[] {
  const { plan, machine, repository, point } = run;
  return [plan.name, machine.name, repository.name, runStateWords(run), point ?? ''];
}

/** False for a run that waited already when this began: whoever was told once knows. */
function isNews({ state }: PlanRun, began: number): boolean {
  return state.kind !== 'waiting' || state.since >= began;
}

/** Begins runs, stays with them, and prints one row for each. */
async function runAndPrint(
  context: Context,
  client: Client,
  { quiet, ...runsToFollow }: RunsToFollow & { readonly quiet: boolean },
): Promise<ExitCode> {
  const began = context.now();
  const runs = await followRuns(context, client, runsToFollow);
  if (!quiet || context.json || runs.some((one) => isNews(one, began))) {
    const seconds = (context.now() - began) / 1000;
    context.output.result({ runs, seconds }, () =>
      [
        table(['plan', 'machine', 'repository', 'state', 'point'], runs.map(runRow)),
        ...runs.flatMap(runAdvice),
      ].join('\n'),
    );
  }
  return exitCodeOfRuns(runs, context.signal.aborted);
}

const run: Command = {
  name: 'plan run',
  operands: '<name>',
  summary: 'run a plan now, whatever its calendar says',
  options: {
    machine: { type: 'string', value: 'MACHINE', help: 'only this machine of it' },
    'password-file': passwordFileOption,
  },
  count: { min: 1, max: 1 },
  async run(context) {
    const client = await context.client();
    const plan = await findPlan(client, operand(context, 0));
    const word = textValue(context, 'machine');
    const machine = word === undefined ? null : (await findMachine(client, word)).id;
    await unlockAll(context, client);
    const start = async () => {
      const runs = await client.call('plans.run', { plan: plan.id, machine });
      if (runs.length > 0) return runs;
      throw new AppError('refused', `${plan.name} means no machine that is here.`, {
        unharmed: 'Nothing was started.',
        advice: `See waymark plan show ${plan.name}.`,
      });
    };
    return runAndPrint(context, client, { start, cancels: true, quiet: false });
  },
};

const runDue: Command = {
  name: 'plan run-due',
  operands: '',
  summary: 'run what is due in every plan, and end: for a timer of your own',
  options: { 'password-file': passwordFileOption },
  count: { min: 0, max: 0 },
  details:
    'Prints nothing when there is nothing new: what waits is told once.\n' +
    'Two of them at once never run a plan twice.',
  async run(context) {
    const client = await context.client();
    await unlockAll(context, client);
    // A timer that had nothing to do writes nothing into anybody's mail.
    return runAndPrint(context, client, {
      start: () => client.call('plans.run-due', {}),
      cancels: false,
      quiet: true,
    });
  },
};

/** A waiting run by its id or a unique beginning of it. */
async function waitingRun(client: Client, wanted: string): Promise<PlanRun> {
  const plans = await client.call('plans.list', {});
  const start = wanted.toLowerCase();
  const matches = plans
    .flatMap(({ waiting }) => waiting)
    .filter(({ id }) => id.toLowerCase().startsWith(start));
  const [only] = matches;
  if (only !== undefined && matches.length === 1) return only;
  if (only === undefined) {
    throw new AppError('plan-run-not-found', `No run ${wanted} is waiting.`, {
      unharmed: 'Nothing was started.',
      advice: 'See waymark plan history: a waiting run is there with its reason.',
    });
  }
  throw new AppError('invalid-input', `More than one waiting run begins with ${wanted}.`, {
    candidates: matches.map((one) => `${one.id} ${one.plan.name}, ${one.machine.name}`),
    advice: 'Write more of its id.',
  });
}

const runNow: Command = {
  name: 'plan run-now',
  operands: '<run>',
  summary: 'begin a waiting run although its condition is not met',
  options: { 'password-file': passwordFileOption },
  count: { min: 1, max: 1 },
  async run(context) {
    const client = await context.client();
    const { id } = await waitingRun(client, operand(context, 0));
    await unlockAll(context, client);
    return runAndPrint(context, client, {
      start: async () => [await client.call('plan-runs.run-now', { run: id })],
      cancels: true,
      quiet: false,
    });
  },
};

const skip: Command = {
  name: 'plan skip',
  operands: '<run>',
  summary: 'leave a waiting run out; the next time stays as it is',
  options: {},
  count: { min: 1, max: 1 },
  async run(context) {
    const client = await context.client();
    const { id } = await waitingRun(client, operand(context, 0));
    const skipped = await client.call('plan-runs.skip', { run: id });
    context.output.result({ run: skipped }, () =>
      plain(`${skipped.plan.name}, ${skipped.machine.name}: ${runStateWords(skipped)}`),
    );
    return exitCodes.done;
  },
};

function historyWords(runs: readonly PlanRun[], log: boolean): string {
  if (runs.length === 0) return 'No runs yet.';
  const rows = runs.map((one) => [
    ...[one.id, moment(one.due), causeWords[one.cause]],
    ...runRow(one),
  ]);
  const header = ['run', 'due', 'because', 'plan', 'machine', 'repository', 'state', 'point'];
  const lines = table(header, rows).split('\n');
  const below = runs.map((one) => [...runAdvice(one), ...(log ? one.log.map(plain) : [])]);
  return lines
    .flatMap((line, at) => [line, ...(below[at - 1] ?? []).map((words) => `    ${words}`)])
    .join('\n');
}

const history: Command = {
  name: 'plan history',
  operands: '[<name>]',
  summary: 'every run of a plan, or of all: done, failed, waiting, skipped or missed, and why',
  options: {
    machine: { type: 'string', value: 'MACHINE', help: 'only of this machine' },
    rows: { type: 'string', value: 'N', help: `the newest N (default: ${historyRows})` },
    log: { type: 'boolean', help: 'with what was done and what hooks printed' },
  },
  count: { min: 0, max: 1 },
  async run(context) {
    const text = textValue(context, 'rows');
    const limit = text === undefined ? historyRows : wholeOf('rows', text, 1, maxHistoryRows);
    const client = await context.client();
    const [name] = context.operands;
    const plan = name === undefined ? null : (await findPlan(client, name)).id;
    const word = textValue(context, 'machine');
    const machineUuid = word === undefined ? null : (await findMachine(client, word)).uuid;
    const runs = await client.call('plans.runs', { plan, machineUuid, before: null, limit });
    context.output.result({ runs }, () => historyWords(runs, flag(context, 'log')));
    return exitCodes.done;
  },
};

export const planRunCommands: readonly Command[] = [run, runDue, runNow, skip, history];
