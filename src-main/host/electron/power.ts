/** The computer's sleep: not while a job runs, and what to do after it. */
import { powerMonitor, powerSaveBlocker } from 'electron';

/** Tells the desktop whether a job runs; it may sleep by itself only while none does. */
export function createAwake(): (jobRuns: boolean) => void {
  let blocker: number | null = null;
  return (jobRuns) => {
    if (jobRuns && blocker === null) {
      blocker = powerSaveBlocker.start('prevent-app-suspension');
    } else if (!jobRuns && blocker !== null) {
      powerSaveBlocker.stop(blocker);
      blocker = null;
    }
  };
}

export function afterSleep(act: () => void): void {
  powerMonitor.on('resume', act);
}
