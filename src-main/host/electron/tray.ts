/**
 * The icon beside the clock, where the desktop has a place for it: how the plans are, and what one
 * wants without a window. Everything here is in the window too, for many desktops show no tray.
 */
import { join } from 'node:path';
import { Menu, Tray, type MenuItemConstructorOptions } from 'electron';
import type { Report } from '../dispatcher.ts';
import { protections, type Overview } from './overview.ts';

export interface TrayActs {
  open(): void;
  runDue(): void;
  pauseAll(): void;
  resumeAll(): void;
  quit(): void;
}

/** Named like the files of the icons; each has a shape of its own, not only a colour. */
type TrayState = 'protected' | 'attention' | 'failing';

/** The worst that a plan has to say. */
function trayState(overview: Overview): TrayState {
  const { failing, overdue, never } = protections(overview);
  if (failing > 0) return 'failing';
  const troubled = overview.plans.some(({ troubles }) => troubles.length > 0);
  return overdue > 0 || never > 0 || troubled ? 'attention' : 'protected';
}

/** One line: "2 failing, 1 overdue, 5 protected". */
function trayWords(overview: Overview): string {
  const { jobs, plans } = overview;
  const counts = protections(overview);
  const parts = [
    ...(counts.failing > 0 ? [`${counts.failing} failing`] : []),
    ...(counts.overdue > 0 ? [`${counts.overdue} overdue`] : []),
    ...(counts.never > 0 ? [`${counts.never} without a restore point`] : []),
    ...(counts.protected > 0 ? [`${counts.protected} protected`] : []),
  ];
  const [job] = jobs;
  if (job !== undefined) parts.unshift(jobs.length === 1 ? job.title : `${jobs.length} jobs run`);
  if (parts.length > 0) return parts.join(', ');
  return plans.length === 0 ? 'No plan' : 'No machine in a plan';
}

function trayMenu(overview: Overview, acts: TrayActs): MenuItemConstructorOptions[] {
  const { plans } = overview;
  const some = plans.length > 0;
  const paused = some && plans.every(({ pause }) => pause.kind === 'paused');
  return [
    { label: trayWords(overview), enabled: false },
    { type: 'separator' },
    { label: 'Open Waymark', click: () => acts.open() },
    { label: 'Run what is due', enabled: some && !paused, click: () => acts.runDue() },
    paused
      ? { label: 'Resume all plans', click: () => acts.resumeAll() }
      : { label: 'Pause all plans', enabled: some, click: () => acts.pauseAll() },
    { type: 'separator' },
    { label: 'Quit', click: () => acts.quit() },
  ];
}

/** Shows an overview from then on; null where the desktop refuses an icon. */
export function createTray(
  icons: string,
  acts: TrayActs,
  report: Report,
): ((overview: Overview) => void) | null {
  const iconOf = (state: TrayState) => join(icons, `${state}.png`);
  let tray: Tray;
  try {
    tray = new Tray(iconOf('protected'));
  } catch (thrown) {
    report('There is no tray here', thrown);
    return null;
  }
  tray.on('click', () => {
    acts.open();
  });
  let shown = '';
  return (overview) => {
    const menu = trayMenu(overview, acts);
    const state = trayState(overview);
    // A menu that is open is closed by a new one: only what looks different is set.
    const looks = JSON.stringify([state, menu]);
    if (looks === shown) return;
    shown = looks;
    tray.setImage(iconOf(state));
    tray.setToolTip(`Waymark: ${trayWords(overview)}`);
    tray.setContextMenu(Menu.buildFromTemplate(menu));
  };
}
