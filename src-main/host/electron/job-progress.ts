/** All jobs as one bar on the window's icon in the task bar. */
import type { Job } from '#contract/domain.ts';

/** Electron's own numbers: below zero is no bar, above one says only that something goes on. */
const noBar = -1;
const noEnd = 2;

/** From 0 to 1 over the bytes of every job; no end while one does not know its own. */
export function jobProgress(jobs: readonly Job[]): number {
  if (jobs.length === 0) return noBar;
  let doneBytes = 0;
  let totalBytes = 0;
  for (const { progress } of jobs) {
    if (progress?.totalBytes === null || progress === null) return noEnd;
    doneBytes += progress.doneBytes;
    totalBytes += progress.totalBytes;
  }
  return totalBytes === 0 ? noEnd : Math.min(1, doneBytes / totalBytes);
}
