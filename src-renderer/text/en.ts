/** The English catalogue: every phrase of the window, from one file a screen. */
import { actions } from './en-actions.ts';
import { backup } from './en-backup.ts';
import { editPlan } from './en-edit-plan.ts';
import { firstRun } from './en-first-run.ts';
import { frame } from './en-frame.ts';
import { jobs } from './en-jobs.ts';
import { kept } from './en-kept.ts';
import { machine } from './en-machine.ts';
import { machines } from './en-machines.ts';
import { news } from './en-news.ts';
import { plans } from './en-plans.ts';
import { repositories } from './en-repositories.ts';
import { restore } from './en-restore.ts';
import { settings } from './en-settings.ts';
import { snapshots } from './en-snapshots.ts';
import { ui } from './en-ui.ts';
import { words } from './en-words.ts';

export const en = {
  ...words,
  ...actions,
  ...backup,
  ...editPlan,
  ...firstRun,
  ...frame,
  ...jobs,
  ...kept,
  ...machine,
  ...machines,
  ...news,
  ...plans,
  ...repositories,
  ...restore,
  ...settings,
  ...snapshots,
  ...ui,
} as const;
