/**
 * The words beside a progress bar, by the rules P1–P5 of ux.md: done of total, rate, time left only
 * once it means something, "Waiting for storage…" when nothing moves, never 100 % before the end.
 */
import type { Job, JobKind } from '#contract/domain.ts';
import { t } from './catalogue.ts';
import { bytesOfText, bytesText, rateText } from './numbers.ts';
import { aboutText } from './times.ts';

/** Below these an estimate is a guess (P2). */
const secondsBeforeEstimate = 5;
const shareBeforeEstimate = 0.02;
/** From here on the bar is as good as full and the words say what is left (P3). */
const shareAlmostDone = 0.995;

export interface ProgressWords {
  /** How the bar looks. */
  readonly tone: 'running' | 'waiting' | 'quiet';
  /** What is done now, or why nothing is. */
  readonly activity: string;
  /** "6.1 of 9.4 GiB"; empty while nothing is known. */
  readonly amount: string;
  /** The word before the amount: Read, Written, Checked. */
  readonly amountLabel: string;
  /** "2.3 GiB" for what was stored; empty for jobs that store nothing. */
  readonly stored: string;
  readonly rate: string;
  /** "about 4 min left", "Almost done: verifying", or empty. */
  readonly end: string;
  /** Share for the bar, below 1 while the job runs; null while the total is not known. */
  readonly fraction: number | null;
}

/** Jobs whose bytes are memory written, overlays merged or images mended. */
const changesMachine: ReadonlySet<JobKind> = new Set([
  ...(['snapshot', 'revert', 'snapshot-delete', 'checkpoint', 'doctor'] as const),
]);

function amountLabel(kind: JobKind): string {
  if (kind === 'restore') return t('progress.restored');
  if (kind === 'verify') return t('progress.checked');
  return t(changesMachine.has(kind) ? 'progress.written' : 'progress.read');
}

function endWords(job: Job, fraction: number | null, now: number): string {
  const progress = job.progress;
  // Null: nothing known or nothing wrong. Only a progress that moves has an end to speak of.
  if (job.state.kind !== 'running' || progress?.stalled !== null) return '';
  if (fraction !== null && fraction >= shareAlmostDone) return t('progress.almost');
  const elapsed = job.startedAt === null ? 0 : (now - job.startedAt) / 1000;
  const known = elapsed >= secondsBeforeEstimate && (fraction ?? 0) >= shareBeforeEstimate;
  if (!known || progress.secondsLeft === null) return '';
  return t('progress.left', { time: aboutText(progress.secondsLeft) });
}

/** `fraction` is the furthest share seen, from state/jobs: a bar never runs backwards. */
export function progressWords(job: Job, fraction: number | null, now: number): ProgressWords {
  const progress = job.progress;
  const state = job.state;
  const waiting = state.kind === 'running' && progress !== null && progress.stalled !== null;
  const base = {
    amountLabel: amountLabel(job.kind),
    fraction: fraction === null ? null : Math.min(fraction, shareAlmostDone),
    end: endWords(job, fraction, now),
  };
  if (state.kind === 'queued') {
    const activity = t('progress.queued', { what: state.waitsFor });
    return { ...base, tone: 'quiet', activity, amount: '', stored: '', rate: '' };
  }
  if (progress === null) {
    const activity = t(state.kind === 'cancelling' ? 'jobs.state.cancelling' : 'progress.starting');
    return { ...base, tone: 'quiet', activity, amount: '', stored: '', rate: '' };
  }
  // Some changes write nothing that could be counted: their steps say where they are.
  const moved = progress.doneBytes > 0 || (progress.totalBytes ?? 0) > 0;
  const amount =
    progress.totalBytes === null
      ? bytesText(progress.doneBytes)
      : bytesOfText(progress.doneBytes, progress.totalBytes);
  return {
    ...base,
    tone: waiting ? 'waiting' : state.kind === 'cancelling' ? 'quiet' : 'running',
    activity: waiting ? (progress.stalled ?? '') : progress.activity,
    amount: moved ? amount : '',
    stored: job.kind === 'backup' ? bytesText(progress.storedBytes) : '',
    rate:
      state.kind === 'running' && !waiting && progress.bytesPerSecond > 0
        ? rateText(progress.bytesPerSecond)
        : '',
    end:
      state.kind === 'cancelling'
        ? t('jobs.state.cancelling')
        : waiting
          ? t('progress.waiting')
          : base.end,
  };
}
