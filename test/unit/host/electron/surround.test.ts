/** What is around the window, with typed stand-ins in the place of Electron's own objects. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createClient } from '#contract/client.ts';
import type { Job, JobId } from '#contract/domain.ts';
import type { Plan, PlanRun } from '#contract/plans.ts';
import { desktopHandlers, noDesktop, type Note } from '../../../../src-main/host/desktop.ts';
import { createDispatcher, inProcess } from '../../../../src-main/host/dispatcher.ts';
import { plansEngine, type PlanScript } from '../../../fakes/scripted-plans.ts';

interface Item {
  readonly label?: string;
  readonly enabled?: boolean;
  readonly click?: () => void;
}

const stand = vi.hoisted(() => ({
  listeners: new Map<string, () => void>(),
  tray: { image: '', tip: '', menu: [] as Item[], menus: 0, click: () => {} },
  noTray: false,
  blockers: new Set<number>(),
  resume: () => {},
  quits: 0,
}));

vi.mock('electron', () => ({
  app: {
    on: (name: string, listener: () => void) => stand.listeners.set(name, listener),
    quit: () => (stand.quits += 1),
  },
  Tray: class {
    constructor(image: string) {
      if (stand.noTray) throw new Error('no tray');
      stand.tray.image = image;
    }
    on(_name: string, listener: () => void): void {
      stand.tray.click = listener;
    }
    setImage(image: string): void {
      stand.tray.image = image;
    }
    setToolTip(tip: string): void {
      stand.tray.tip = tip;
    }
    setContextMenu(menu: Item[]): void {
      stand.tray.menu = menu;
      stand.tray.menus += 1;
    }
  },
  Menu: { buildFromTemplate: (template: unknown) => template },
  powerMonitor: { on: (_name: string, listener: () => void) => (stand.resume = listener) },
  powerSaveBlocker: {
    start: () => {
      const id = stand.blockers.size;
      stand.blockers.add(id);
      return id;
    },
    stop: (id: number) => stand.blockers.delete(id),
  },
}));

const { surround } = await import('../../../../src-main/host/electron/surround.ts');

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  Object.assign(stand.tray, { image: '', tip: '', menu: [], menus: 0 });
  stand.noTray = false;
  stand.blockers.clear();
  stand.quits = 0;
});

afterEach(() => {
  vi.useRealTimers();
});

function begin(script: PlanScript = {}) {
  const { engine, asked } = plansEngine(script);
  const dispatcher = createDispatcher(engine, desktopHandlers(noDesktop), () => 'log-1');
  const notes: Note[] = [];
  const window = { open: true, shown: 0, focused: true, bar: Number.NaN };
  const left = vi.fn(() => Promise.resolve());
  const reports: string[] = [];
  const overview = surround({
    client: createClient(inProcess(dispatcher)),
    desktop: {
      ...noDesktop,
      notify: async (note) => {
        notes.push(note);
        return { kind: 'done' };
      },
    },
    window: {
      current: () =>
        window.open
          ? ({
              isFocused: () => window.focused,
              setProgressBar: (progress: number) => (window.bar = progress),
            } as never)
          : null,
      show: () => (window.shown += 1),
    },
    report: (text) => {
      reports.push(text);
      return 'log-1';
    },
    icons: '/icons',
    leave: left,
  });
  const close = () => {
    window.open = false;
    stand.listeners.get('window-all-closed')!();
  };
  return { engine, asked, notes, window, left, reports, overview, close };
}

/** Long enough for what was read and for one redraw. */
const settled = () => vi.advanceTimersByTimeAsync(250);
const item = (label: string) => stand.tray.menu.find((one) => one.label === label);

function job(id: string, state: Job['state'], more: Partial<Job> = {}): Job {
  return {
    ...{ id: id as JobId, kind: 'backup', title: `Back up ${id}`, machine: null },
    ...{ repository: null, createdAt: 0, startedAt: 0, progress: null, steps: [] },
    ...{ cancelEffect: '', result: null, state },
    ...more,
  };
}
const running = { kind: 'running' } as const;
const failed: Job['state'] = {
  kind: 'failed',
  at: 5,
  error: { code: 'no-space', message: 'Full.', data: {} },
};

describe('the tray', () => {
  const members = (...kinds: readonly string[]): Partial<Plan> => ({
    members: kinds.map((protection, at) => ({
      ...{ machine: `m${at}` as never, name: `m${at}`, lastGood: null },
      protection: protection as 'protected',
    })),
  });

  it.each([
    [members('protected', 'protected'), 'protected', '2 protected'],
    [members('protected', 'overdue'), 'attention', '1 overdue, 1 protected'],
    [members('never'), 'attention', '1 without a restore point'],
    [members('never', 'failing'), 'failing', '1 failing, 1 without a restore point'],
    [{ ...members('protected'), troubles: ['attic is gone.'] }, 'attention', '1 protected'],
    [members(), 'protected', 'No machine in a plan'],
  ])('shows the worst of %j', async (plan, state, words) => {
    begin({ plan });
    await settled();
    expect(stand.tray.image).toBe(`/icons/${state}.png`);
    expect(stand.tray.tip).toBe(`Waymark: ${words}`);
    expect(stand.tray.menu[0]).toEqual({ label: words, enabled: false });
  });

  it('runs what is due, pauses and resumes all plans, opens and quits', async () => {
    const { asked, window, engine } = begin();
    await settled();
    item('Run what is due')!.click!();
    item('Pause all plans')!.click!();
    expect(asked.map(({ call }) => call)).toEqual(['run-due', 'pause']);
    expect(asked[1]?.input).toEqual({ plan: 'plan-1', until: null });
    engine.emit('plans.changed', await engine.handlers['plans.list']({}));
    await settled();
    expect([item('Pause all plans'), item('Run what is due')!.enabled]).toEqual([undefined, false]);
    item('Resume all plans')!.click!();
    expect(asked.at(-1)?.call).toBe('resume');
    item('Open Waymark')!.click!();
    stand.tray.click();
    item('Quit')!.click!();
    expect([window.shown, stand.quits]).toEqual([2, 1]);
  });

  it('is not drawn anew while nothing looks different: an open menu stays open', async () => {
    const { engine } = begin();
    await settled();
    engine.emit('plans.changed', await engine.handlers['plans.list']({}));
    engine.emit('jobs.changed', job('x', { kind: 'done', at: 1 }));
    await settled();
    expect(stand.tray.menus).toBe(1);
  });

  it('may be missing: everything else goes on', async () => {
    stand.noTray = true;
    const { reports, overview } = begin();
    await settled();
    expect(reports).toEqual(['There is no tray here']);
    expect(overview().plans).toHaveLength(1);
  });
});

describe('without a window', () => {
  it('goes on while there are plans, and says so once', async () => {
    const { left, notes, close } = begin();
    await settled();
    close();
    close();
    expect(left).not.toHaveBeenCalled();
    expect(notes.map(({ title }) => title)).toEqual(['Waymark goes on without a window']);
  });

  it('ends when there is neither plan nor job, and not before', async () => {
    const { engine, left, close } = begin({ none: true });
    await settled();
    engine.emit('jobs.changed', job('a', running));
    close();
    await settled();
    expect(left).not.toHaveBeenCalled();
    engine.emit('jobs.changed', job('a', failed));
    await settled();
    expect(left).toHaveBeenCalledTimes(1);
  });

  it('ends at once when nothing goes on, and when the last plan is removed', async () => {
    const idle = begin({ none: true });
    await settled();
    idle.close();
    expect([idle.left.mock.calls.length, idle.notes]).toEqual([1, []]);
    const planned = begin();
    await settled();
    planned.close();
    planned.engine.emit('plans.changed', []);
    await settled();
    expect(planned.left).toHaveBeenCalledTimes(1);
  });
});

describe('while jobs run', () => {
  const progress = (doneBytes: number, totalBytes: number | null) =>
    ({ ...job('p', running), progress: { doneBytes, totalBytes } }) as Partial<Job>;

  it('the desktop is asked not to sleep, until the last has ended', async () => {
    const { engine } = begin();
    engine.emit('jobs.changed', job('a', running));
    engine.emit('jobs.changed', job('b', { kind: 'queued', waitsFor: 'a' }));
    await settled();
    expect(stand.blockers.size).toBe(1);
    engine.emit('jobs.changed', job('a', failed));
    await settled();
    expect(stand.blockers.size).toBe(1);
    engine.emit('jobs.changed', job('b', failed));
    await settled();
    expect(stand.blockers.size).toBe(0);
  });

  it('the task bar shows how far all of them are', async () => {
    const { engine, window } = begin();
    await settled();
    expect(window.bar).toBe(-1);
    engine.emit('jobs.changed', job('a', running, progress(30, 100)));
    engine.emit('jobs.changed', job('b', running, progress(30, 100)));
    await settled();
    expect(window.bar).toBeCloseTo(0.3);
    engine.emit('jobs.changed', job('b', running, progress(30, null)));
    await settled();
    expect(window.bar).toBe(2);
  });

  it('what came due while the computer slept runs when it wakes', async () => {
    const { asked } = begin();
    await settled();
    stand.resume();
    expect(asked.map(({ call }) => call)).toEqual(['run-due']);
  });
});

describe('notices', () => {
  const run = (state: PlanRun['state'], jobId: string): PlanRun =>
    ({
      ...{ id: 'r1', job: jobId, state },
      repository: { id: 'attic-1', name: 'attic' },
    }) as unknown as PlanRun;
  const verify = { kind: 'verify', repository: { id: 'attic-1', name: 'attic' } } as never;

  it('tell news, and lead to its plan or machine', () => {
    const { engine, notes } = begin();
    const news = { id: 'n', kind: 'failed', title: 'T', body: 'B', time: 0 } as const;
    engine.emit('news', { ...news, plan: 'plan 1' as never, machine: 'h/m' as never });
    engine.emit('news', { ...news, plan: null, machine: 'h/m' as never });
    engine.emit('news', { ...news, plan: null, machine: null });
    expect(notes.map(({ at }) => at)).toEqual(['#/plan/plan%201', '#/machine/h%2Fm', null]);
  });

  it('leave to news what a plan began, and tell of every other failure', () => {
    const { engine, notes } = begin();
    engine.emit('plan-runs.changed', run({ kind: 'running', step: 'backup' }, 'a'));
    engine.emit('jobs.changed', job('a', failed));
    engine.emit('plan-runs.changed', run({ kind: 'running', step: 'verify' }, 'a'));
    engine.emit('jobs.changed', job('v', failed, verify));
    expect(notes).toEqual([]);
    engine.emit('plan-runs.changed', run({ kind: 'done', at: 1 }, 'a'));
    engine.emit('jobs.changed', job('w', failed, verify));
    engine.emit('jobs.changed', job('b', failed));
    expect(notes.map(({ at }) => at)).toEqual(['#/job/w', '#/job/b']);
  });
});
