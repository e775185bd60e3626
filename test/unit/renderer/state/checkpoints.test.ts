import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createClient } from '#contract/client.ts';
import type { MachineId } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { CheckpointStates } from '#contract/moments.ts';
import { LiveCheckpoints } from '../../../../src-renderer/state/checkpoints.svelte.ts';

const web = 'here/1' as MachineId;
const mail = 'here/2' as MachineId;

/** A page that can be looked away from. */
class Page extends EventTarget {
  hidden = false;

  turn(hidden: boolean): void {
    this.hidden = hidden;
    this.dispatchEvent(new Event('visibilitychange'));
  }
}

let page: Page;
let asked: string[];
let answer: (machine: MachineId) => Promise<CheckpointStates>;
let live: LiveCheckpoints;

function states(machine: MachineId, changedBytes: number): CheckpointStates {
  const one = { name: 'c1', health: 'healthy', changedBytes, disks: [] } as const;
  return { machine, at: 0, checkpoints: [one], waits: null };
}

beforeEach(() => {
  vi.useFakeTimers();
  page = new Page();
  vi.stubGlobal('document', page);
  vi.stubGlobal('window', globalThis);
  asked = [];
  answer = (machine) => Promise.resolve(states(machine, asked.length));
  const client = createClient({
    invoke: async (_name, input) => {
      const { machine } = input as { machine: MachineId };
      asked.push(machine);
      try {
        return { ok: true, value: await answer(machine) } as const;
      } catch (error) {
        return { ok: false, error: (error as AppError).toJSON() } as const;
      }
    },
    subscribe: () => () => undefined,
  });
  live = new LiveCheckpoints(client);
});

afterEach(() => {
  live.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('changed since', () => {
  test('is asked at once, then five seconds after each answer', async () => {
    live.open(web);
    await vi.advanceTimersByTimeAsync(0);
    expect(live.byName('c1')?.changedBytes).toBe(1);
    await vi.advanceTimersByTimeAsync(4_999);
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(live.byName('c1')?.changedBytes).toBe(2);
    expect(live.byName('another')).toBeNull();
  });

  test('an answer that takes long is never asked for twice', async () => {
    answer = () => new Promise(() => undefined);
    live.open(web);
    page.turn(true);
    page.turn(false);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveLength(1);
  });

  test('a page nobody looks at asks nothing, and goes on when it is seen again', async () => {
    live.open(web);
    await vi.advanceTimersByTimeAsync(0);
    page.turn(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveLength(1);
    page.turn(false);
    await vi.advanceTimersByTimeAsync(0);
    expect(asked).toHaveLength(2);
  });

  test('looking away and back within the pause does not shorten it', async () => {
    live.open(web);
    await vi.advanceTimersByTimeAsync(1_000);
    page.turn(true);
    page.turn(false);
    await vi.advanceTimersByTimeAsync(3_999);
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked).toHaveLength(2);
  });

  test('a failure keeps what was known, says why, and asks less often', async () => {
    live.open(web);
    await vi.advanceTimersByTimeAsync(0);
    answer = () => Promise.reject(new AppError('libvirt-timeout', 'No answer.'));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(live.problem?.code).toBe('libvirt-timeout');
    expect(live.byName('c1')?.changedBytes).toBe(1);
    await vi.advanceTimersByTimeAsync(29_999);
    expect(asked).toHaveLength(2);
    answer = (machine) => Promise.resolve(states(machine, 7));
    await vi.advanceTimersByTimeAsync(1);
    expect(live.problem).toBeNull();
    expect(live.byName('c1')?.changedBytes).toBe(7);
  });

  test('the answer about a machine that was left is thrown away', async () => {
    let late = (_states: CheckpointStates): void => undefined;
    answer = () => new Promise((resolve) => (late = resolve));
    live.open(web);
    answer = (machine) => Promise.resolve(states(machine, 5));
    live.open(mail);
    await vi.advanceTimersByTimeAsync(0);
    late(states(web, 99));
    await vi.advanceTimersByTimeAsync(0);
    expect(live.value?.machine).toBe(mail);
    live.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toEqual([web, mail]);
    expect(live.value).toBeNull();
  });
});
