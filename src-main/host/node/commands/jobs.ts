/** waymark job … */
import type { Job, JobId, Run } from '#contract/domain.ts';
import { hasCode } from '#contract/errors.ts';
import { flag, operand, type Command } from '../command.ts';
import { exitCodes, progressWords } from '../output.ts';
import { jobStateWords, moment, plain, sheet, table } from '../words.ts';

const historyRows = 100;
/** The most history answers at once. */
const maxHistoryRows = 500;

function rowOf(job: Job): readonly string[] {
  const activity = job.state.kind === 'running' ? progressWords(job) : jobStateWords(job.state);
  return [job.id, moment(job.startedAt ?? job.createdAt), job.title, activity];
}

function runRow(run: Run): readonly string[] {
  return [run.id, moment(run.startedAt), run.title, jobStateWords(run.outcome)];
}

const list: Command = {
  name: 'job list',
  operands: '',
  summary: 'what runs and waits now',
  options: { all: { type: 'boolean', help: `and the last ${historyRows} that ended` } },
  count: { min: 0, max: 0 },
  async run(context) {
    const client = await context.client();
    const all = flag(context, 'all');
    const jobs = await client.call('jobs.list', { all });
    const history = all
      ? await client.call('history.list', { before: null, limit: historyRows })
      : [];
    const live = new Set(jobs.map((job) => job.id));
    const runs = history.filter((run) => !live.has(run.id));
    context.output.result(all ? { jobs, runs } : { jobs }, () => {
      const rows = [...jobs.map(rowOf), ...runs.map(runRow)];
      if (rows.length === 0) return all ? 'No jobs.' : 'No job runs now.';
      return table(['id', 'started', 'what', 'state'], rows);
    });
    return exitCodes.done;
  },
};

const show: Command = {
  name: 'job show',
  operands: '<job>',
  summary: 'one job and its steps',
  options: {},
  count: { min: 1, max: 1 },
  async run(context) {
    const client = await context.client();
    const id = operand(context, 0) as JobId;
    let job: Job | Run;
    try {
      job = await client.call('jobs.get', { job: id });
    } catch (thrown) {
      if (!hasCode(thrown, 'not-found')) throw thrown;
      // It ran in an earlier process: history has it.
      const limit = maxHistoryRows;
      const runs = await client.call('history.list', { before: null, limit });
      const run = runs.find((one) => one.id === id);
      if (run === undefined) throw thrown;
      job = run;
    }
    const state = 'outcome' in job ? job.outcome : job.state;
    context.output.result({ job }, () =>
      [
        sheet([
          ['Id', job.id],
          ['What', job.title],
          ['Started', job.startedAt === null ? 'not yet' : moment(job.startedAt)],
          ['State', jobStateWords(state)],
        ]),
        ...job.steps.map((step) => `  ${plain(step.title)}: ${step.outcome} ${plain(step.note)}`),
      ].join('\n'),
    );
    return exitCodes.done;
  },
};

const cancel: Command = {
  name: 'job cancel',
  operands: '<job>',
  summary: 'cancel a job; earlier restore points are not affected',
  options: {},
  count: { min: 1, max: 1 },
  async run(context) {
    const client = await context.client();
    const job = await client.call('jobs.cancel', { job: operand(context, 0) as JobId });
    context.output.result({ job }, () =>
      [`${plain(job.title)}: ${jobStateWords(job.state)}.`, plain(job.cancelEffect)].join('\n'),
    );
    return exitCodes.done;
  },
};

export const jobCommands: readonly Command[] = [list, show, cancel];
