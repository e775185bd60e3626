/**
 * Tells of every job: its events to the screens, its begin and end to the row of its machine. The
 * computer is kept awake while one runs.
 */
import type { Emit } from '#contract/contract.ts';
import type { Job, JobId } from '#contract/domain.ts';
import type { Awake } from '#engine/computer/awake.ts';
import type { Fleet } from '#engine/fleet/fleet.ts';

interface Told {
  readonly kind: Job['state']['kind'];
  /** Lets the computer sleep again. */
  readonly release: () => void;
}

/** `fleet` is asked for later: it is made after the jobs. */
export function announceJobs(
  emit: Emit,
  fleet: () => Pick<Fleet, 'touch'>,
  awake: Awake,
): (job: Job) => void {
  const told = new Map<JobId, Told>();
  return (job) => {
    emit('jobs.changed', job);
    const { kind } = job.state;
    const before = told.get(job.id);
    if (before?.kind === kind) return;
    const uuid = job.machine?.id?.split('/').at(-1);
    if (uuid !== undefined) fleet().touch(uuid);
    if (['done', 'problems', 'failed', 'cancelled'].includes(kind)) {
      told.delete(job.id);
      before?.release();
      return;
    }
    const begins = kind === 'running' && before?.kind !== 'running';
    const release = begins ? awake.hold(job.title) : (before?.release ?? nothingHeld);
    told.set(job.id, { kind, release });
  };
}

const nothingHeld = (): void => undefined;
