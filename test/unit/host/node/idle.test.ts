import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createClient } from '#contract/client.ts';
import { AppError } from '#contract/errors.ts';
import { desktopHandlers, noDesktop } from '../../../../src-main/host/desktop.ts';
import { createDispatcher, inProcess } from '../../../../src-main/host/dispatcher.ts';
import { createIdle, isNeeded } from '../../../../src-main/host/node/idle.ts';
import { plansEngine, running } from '../../../fakes/scripted-plans.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a server nobody uses', () => {
  it('ends after its time, counted from its last use, and not while a window is open', async () => {
    const end = vi.fn();
    const idle = createIdle({ afterMs: 1000, needed: async () => false }, end);
    await vi.advanceTimersByTimeAsync(900);
    idle.touch();
    const close = idle.hold();
    await vi.advanceTimersByTimeAsync(5000);
    close();
    await vi.advanceTimersByTimeAsync(900);
    expect(end).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(100);
    expect(end).toHaveBeenCalledTimes(1);
  });

  it('goes on while it is needed, and ends when it is not or nobody answers', async () => {
    let needed: () => Promise<boolean> = async () => true;
    const end = vi.fn();
    createIdle({ afterMs: 1000, needed: () => needed() }, end);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(end).not.toHaveBeenCalled();
    needed = () => Promise.reject(new AppError('not-connected', 'Gone.'));
    await vi.advanceTimersByTimeAsync(1000);
    expect(end).toHaveBeenCalledTimes(1);
  });

  it('without a rule never ends', async () => {
    const end = vi.fn();
    createIdle(null, end);
    await vi.advanceTimersByTimeAsync(1e9);
    expect(end).not.toHaveBeenCalled();
  });
});

describe('what needs a server', () => {
  it.each([
    ['nothing', { none: true }, true, false],
    ['plans, where it runs them', {}, true, true],
    ['no plans, where another process runs them', {}, false, false],
    ['a job', { none: true, runs: [[running]] }, false, true],
  ] as const)('%s', async (_what, script, runsPlans, needed) => {
    const { engine } = plansEngine(script);
    await engine.handlers['plans.run-due']({});
    const dispatcher = createDispatcher(engine, desktopHandlers(noDesktop), () => 'log-1');
    expect(await isNeeded(createClient(inProcess(dispatcher)), runsPlans)).toBe(needed);
  });
});
