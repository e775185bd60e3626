/** Runs a job of the engine while something is killed, and says how it ended as far as one can. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, JobId } from '#contract/domain.ts';
import { AppError, hasCode, type WireError } from '#contract/errors.ts';
import { Mismatch } from './compare.ts';
import type { Fault } from './operation.ts';
import type { TortureWorld } from './world.ts';

export type JobEnd =
  | { readonly kind: 'ended'; readonly job: Job }
  /** It was not begun: refused, or something was gone just then. */
  | { readonly kind: 'not-begun'; readonly error: AppError }
  /** The engine died, so nobody was told how it ended. */
  | { readonly kind: 'lost' };

/** Before anything is known of a kind of operation. */
const firstGuessMs = 600;
/** How long a killed daemon stays away: a service manager starts it again. */
const daemonAwayMs = 200;

export async function runJob(
  world: TortureWorld,
  kind: string,
  fault: Fault | null,
  begin: () => Promise<JobId>,
  meanwhile: () => Promise<void> = () => Promise.resolve(),
): Promise<JobEnd> {
  const since = performance.now();
  const usual = world.durations.get(kind) ?? firstGuessMs;
  const job: { id: JobId | null; over: boolean } = { id: null, over: false };
  const disturbing = fault === null ? Promise.resolve() : disturb(world, fault, usual, job);
  disturbing.catch(() => undefined); // awaited below
  const end = await run(world, begin, meanwhile, job);
  job.over = true;
  await disturbing;
  if (fault === null) {
    world.durations.set(kind, (usual + performance.now() - since) / 2);
  } else {
    await world.heal();
  }
  const error = errorOf(end);
  if (error?.code === 'internal') throw new Mismatch(`A ${kind} met a defect: ${told(error)}`);
  return end;
}

/** Why it failed or was not begun; null where it did not fail. */
export function errorOf(end: JobEnd): WireError | null {
  if (end.kind === 'not-begun') return end.error.toJSON();
  if (end.kind === 'ended' && end.job.state.kind === 'failed') return end.job.state.error;
  return null;
}

export function told({ code, message, data }: WireError): string {
  return `${code}: ${message} ${JSON.stringify(data)}`;
}

async function run(
  world: TortureWorld,
  begin: () => Promise<JobId>,
  meanwhile: () => Promise<void>,
  job: { id: JobId | null },
): Promise<JobEnd> {
  try {
    job.id = await begin();
  } catch (thrown) {
    if (hasCode(thrown, 'not-connected') && !world.engine.alive()) return { kind: 'lost' };
    if (thrown instanceof AppError) return { kind: 'not-begun', error: thrown };
    throw thrown;
  }
  const [wrote, ended] = await Promise.allSettled([meanwhile(), world.engine.ended(job.id)]);
  if (wrote.status === 'rejected') throw wrote.reason;
  if (ended.status === 'fulfilled') return { kind: 'ended', job: ended.value };
  if (hasCode(ended.reason, 'not-connected') && !world.engine.alive()) return { kind: 'lost' };
  throw ended.reason;
}

async function disturb(
  world: TortureWorld,
  { kind, at }: Fault,
  usualMs: number,
  job: { readonly id: JobId | null; readonly over: boolean },
): Promise<void> {
  await sleep(at * usualMs);
  if (job.over) return; // it was faster this time
  switch (kind) {
    case 'kill-engine':
      return world.engine.kill();
    case 'kill-qemu':
      return world.live.killQemu();
    case 'kill-libvirtd':
      await world.libvirtd.kill();
      await sleep(daemonAwayMs);
      return world.heal();
    case 'power-cut':
      return world.cutPower(); // what is gone comes back when the job has ended, as far as it can
    case 'cancel':
      while (job.id === null && !job.over) await sleep(1);
      if (job.id === null) return;
      await world.engine.call('jobs.cancel', { job: job.id });
  }
}
