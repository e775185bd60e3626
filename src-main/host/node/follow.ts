/** Starts a job and stays with it until it ends: progress, Ctrl+C, and what its end means. */
import type { Client } from '#contract/client.ts';
import type { Job, JobId, JobResult } from '#contract/domain.ts';
import { AppError, fromWireError } from '#contract/errors.ts';
import type { Context } from './command.ts';
import { exitCodes, type ExitCode } from './output.ts';

export interface Ended {
  readonly job: Job;
  readonly result: JobResult | null;
  readonly problems: readonly string[];
  readonly exitCode: ExitCode;
}

/** An event may be lost on a full wire; asking now and then finds the end all the same. */
const lookEveryMs = 2_000;

function isOver(job: Job): boolean {
  return !['queued', 'running', 'cancelling'].includes(job.state.kind);
}

/** Resolves with the job as it ended; Ctrl+C asks the engine to cancel it. */
async function ended(context: Context, client: Client, id: JobId): Promise<Job> {
  const cancel = () => {
    // If this cannot be sent the engine is gone, and the wait below says so.
    client.call('jobs.cancel', { job: id }).catch(() => undefined);
  };
  return new Promise((resolve, reject) => {
    const see = (job: Job) => {
      if (job.id !== id) return;
      if (!isOver(job)) {
        context.output.progress(job);
        return;
      }
      stop();
      resolve(job);
    };
    const look = () => {
      client.call('jobs.get', { job: id }).then(see, (thrown: unknown) => {
        stop();
        reject(thrown instanceof Error ? thrown : new Error(String(thrown)));
      });
    };
    const unsubscribe = client.on('jobs.changed', see);
    const timer = setInterval(look, lookEveryMs);
    const stop = () => {
      unsubscribe();
      clearInterval(timer);
      context.signal.removeEventListener('abort', cancel);
    };
    if (context.signal.aborted) cancel();
    else context.signal.addEventListener('abort', cancel, { once: true });
    look();
  });
}

/** Runs the job `start` begins; throws its error when it failed or was cancelled. */
export async function follow(
  context: Context,
  client: Client,
  start: () => Promise<JobId>,
): Promise<Ended> {
  if (context.signal.aborted) throw new AppError('cancelled', 'Cancelled.');
  const job = await ended(context, client, await start());
  switch (job.state.kind) {
    case 'failed':
      throw fromWireError(job.state.error);
    case 'cancelled':
      throw new AppError('cancelled', 'Cancelled.', { unharmed: job.cancelEffect });
    case 'problems': {
      const { problems } = job.state;
      for (const problem of problems) context.output.note(`Problem: ${problem}`);
      return { job, result: job.result, problems, exitCode: exitCodes.problems };
    }
    default:
      return { job, result: job.result, problems: [], exitCode: exitCodes.done };
  }
}

/** What a result cannot be: a defect, told as one. */
export function unexpectedResult(job: Job): AppError {
  return new AppError('internal', `${job.title} ended without the result it should have.`);
}
