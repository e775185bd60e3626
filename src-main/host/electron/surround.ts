/**
 * The desktop around the window: notices, tray, sleep, the bar in the task bar, and going on
 * without a window while there are plans or jobs.
 */
import { app } from 'electron';
import type { Client } from '#contract/client.ts';
import type { Desktop } from '../desktop.ts';
import type { Report } from '../dispatcher.ts';
import { jobProgress } from './job-progress.ts';
import { createPlannedJobs, goesOnNote, noticeFor, noticeOfNews } from './notices.ts';
import type { OneWindow } from './one-window.ts';
import { goesOn, isOpen, watchOverview, type Overview } from './overview.ts';
import { afterSleep, createAwake } from './power.ts';
import { createTray, type TrayActs } from './tray.ts';

export interface Surroundings {
  readonly client: Client;
  readonly desktop: Desktop;
  readonly window: OneWindow;
  readonly report: Report;
  /** The folder of the tray's icons. */
  readonly icons: string;
  /** Ends the application, at once. */
  readonly leave: () => Promise<void>;
}

/** Notices of what nobody is looking at: news of plans, and ends of other jobs. */
function tell({ client, desktop, window }: Surroundings): void {
  const planned = createPlannedJobs();
  client.on('plan-runs.changed', planned.see);
  client.on('jobs.changed', (job) => {
    if (isOpen(job) || planned.has(job)) return;
    const note = noticeFor(job, window.current()?.isFocused() ?? false);
    if (note !== null) void desktop.notify(note);
  });
  client.on('news', (news) => void desktop.notify(noticeOfNews(news)));
}

function trayActs({ client, window, report }: Surroundings, overview: () => Overview): TrayActs {
  const ask = (asked: Promise<unknown>) => {
    asked.catch((thrown: unknown) => report('What the tray asked for failed', thrown));
  };
  return {
    open: () => {
      window.show(null);
    },
    runDue: () => {
      ask(client.call('plans.run-due', {}));
    },
    pauseAll: () => {
      for (const { id, pause } of overview().plans) {
        if (pause.kind === 'no') ask(client.call('plans.pause', { plan: id, until: null }));
      }
    },
    resumeAll: () => {
      for (const { id } of overview().plans) ask(client.call('plans.resume', { plan: id }));
    },
    quit: () => {
      app.quit();
    },
  };
}

/** From now on until the application ends; what it returns says what goes on. */
export function surround(parts: Surroundings): () => Overview {
  const { client, desktop, window, report, icons } = parts;
  tell(parts);
  const acts = trayActs(parts, () => overview());
  const showTray = createTray(icons, acts, report);
  const stayAwake = createAwake();
  const leaveWhenDone = (): boolean => {
    if (window.current() !== null || goesOn(overview())) return false;
    void parts.leave();
    return true;
  };
  const overview = watchOverview(client, report, (seen) => {
    showTray?.(seen);
    stayAwake(seen.jobs.length > 0);
    window.current()?.setProgressBar(jobProgress(seen.jobs));
    leaveWhenDone();
  });
  let told = false;
  app.on('window-all-closed', () => {
    if (leaveWhenDone() || told) return;
    told = true;
    void desktop.notify(goesOnNote);
  });
  // What came due while the computer slept need not wait for the next look.
  afterSleep(acts.runDue);
  return overview;
}
