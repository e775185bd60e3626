/** Which ends of jobs are worth a notification: failures always, others when nobody is looking. */
import type { Job } from '#contract/domain.ts';
import type { Note } from '../desktop.ts';

/** Who started something this long ago is doing something else by now. */
const longMs = 30_000;

export function noticeFor(job: Job, focused: boolean): Note | null {
  const { state, title } = job;
  switch (state.kind) {
    case 'failed':
      return { title: `${title}: failed`, body: state.error.message };
    case 'problems':
      return { title: `${title}: finished with problems`, body: state.problems.join(' ') };
    case 'done': {
      const took = state.at - (job.startedAt ?? state.at);
      return focused && took < longMs ? null : { title, body: 'Done.' };
    }
    default:
      return null;
  }
}
