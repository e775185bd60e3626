/**
 * What is worth a notice on the desktop. Of jobs a person began: failures always, others when
 * nobody is looking. What a plan began is told by the engine's news, not a second time here.
 */
import type { Job } from '#contract/domain.ts';
import type { Background, News } from '#contract/news.ts';
import type { Plan, PlanRun, PlanRunId } from '#contract/plans.ts';
import type { Note } from '../desktop.ts';

/** Who started something this long ago is doing something else by now. */
const longMs = 30_000;

export function noticeFor(job: Job, focused: boolean): Note | null {
  const { state, title } = job;
  const at = `#/job/${encodeURIComponent(job.id)}`;
  switch (state.kind) {
    case 'failed':
      return { title: `${title}: failed`, body: state.error.message, at };
    case 'problems':
      return { title: `${title}: finished with problems`, body: state.problems.join(' '), at };
    case 'done': {
      const took = state.at - (job.startedAt ?? state.at);
      return focused && took < longMs ? null : { title, body: 'Done.', at };
    }
    default:
      return null;
  }
}

/** Knows which jobs a running plan began: its backup, and the check of its new point. */
export function createPlannedJobs(): { see(run: PlanRun): void; has(job: Job): boolean } {
  const running = new Map<PlanRunId, PlanRun>();
  return {
    see: (run) => {
      if (run.state.kind === 'running') running.set(run.id, run);
      else running.delete(run.id);
    },
    has: ({ id, kind, repository }) =>
      [...running.values()].some(
        (run) =>
          run.job === id ||
          (kind === 'verify' &&
            run.state.kind === 'running' &&
            run.state.step === 'verify' &&
            run.repository.id === repository?.id),
      ),
  };
}

/** Leads to the plan it is about, else to the machine. */
export function noticeOfNews({ title, body, plan, machine }: News): Note {
  if (plan !== null) return { title, body, at: `#/plan/${encodeURIComponent(plan)}` };
  const at = machine === null ? null : `#/machine/${encodeURIComponent(machine)}`;
  return { title, body, at };
}

/** At the end, when plans stand still from then on: null when another process runs them. */
export function standStillNote(
  plans: readonly Plan[],
  { running, service }: Background,
): Note | null {
  const runs = plans.some(({ pause }) => pause.kind === 'no');
  const others = running !== 'electron' || (service.kind === 'installed' && service.active);
  if (!runs || others) return null;
  return {
    title: 'Plans stand still until Waymark is started again',
    body: 'What is missed is made up for then. A service, which Settings installs, would go on.',
    at: null,
  };
}

/** Once, when the last window closes: nobody should wonder who still runs here. */
export const goesOnNote: Note = {
  title: 'Waymark goes on without a window',
  body: 'Plans run while it does. Start it again to see the window; Quit in its menu ends it.',
  at: null,
};
