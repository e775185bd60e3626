/** What a job's state is called and how it looks, the same on every screen of this folder. */
import type { Job, JobState, Outcome } from '#contract/domain.ts';
import { t } from '../../text/catalogue.ts';
import type { IconName } from '../../ui/icons.ts';

export interface StateMark {
  readonly tone: 'good' | 'warn' | 'bad' | 'none';
  readonly icon: IconName;
  readonly text: string;
}

const marks: { readonly [Kind in JobState['kind']]: Omit<StateMark, 'text'> } = {
  queued: { tone: 'none', icon: 'pause' },
  running: { tone: 'none', icon: 'turn' },
  cancelling: { tone: 'none', icon: 'turn' },
  done: { tone: 'good', icon: 'good' },
  problems: { tone: 'warn', icon: 'warn' },
  failed: { tone: 'bad', icon: 'bad' },
  cancelled: { tone: 'none', icon: 'minus' },
};

function stateMark(state: JobState): StateMark {
  return { ...marks[state.kind], text: t(`jobs.state.${state.kind}`) };
}

/** A job whose result was read back and compared; only then is success green (ux.md C6, R4). */
export function provenResult(job: Job): boolean {
  const result = job.result;
  if (job.state.kind !== 'done') return false;
  if (result?.kind === 'restore') return result.verified;
  if (result?.kind === 'backup') return result.point.verified?.ok === true;
  if (result?.kind === 'verify') return result.report.damage.length === 0;
  return false;
}

/** As `stateMark`, but "Done" is only green for what was proven. */
export function outcomeMark(job: Job): StateMark {
  const mark = stateMark(job.state);
  if (job.state.kind !== 'done' || provenResult(job)) return mark;
  return { ...mark, tone: 'none', icon: 'tick' };
}

function endedAt(state: JobState | Outcome): number | null {
  return 'at' in state ? state.at : null;
}

/** How long a job took, in seconds; null while it has not ended or never began. */
export function secondsOf(job: Pick<Job, 'startedAt' | 'state'>): number | null {
  const end = endedAt(job.state);
  return end === null || job.startedAt === null ? null : Math.max(0, (end - job.startedAt) / 1000);
}

/** One sentence for a toast when a job ends. */
export function endText(job: Job): string {
  // It is a whole sentence already: "web-01 is back at before-upgrade and runs."
  if (job.state.kind === 'done' && job.result?.kind === 'action') return job.result.summary;
  return t('jobs.toast', { title: job.title, state: outcomeText(job) });
}

function outcomeText(job: Job): string {
  const result = job.result;
  if (job.state.kind === 'done' && result?.kind === 'restore') {
    return t(result.verified ? 'result.restore.short' : 'result.restore.short-unverified');
  }
  if (job.state.kind === 'done' && result?.kind === 'backup') return t('result.backup.short');
  return stateMark(job.state).text;
}
