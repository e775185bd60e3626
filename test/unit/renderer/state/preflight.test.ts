import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ActionPlan, MachineAction } from '#contract/actions.ts';
import { createClient } from '#contract/client.ts';
import type { MachineId } from '#contract/domain.ts';
import { AppError, type ErrorData } from '#contract/errors.ts';
import { Preflight } from '../../../../src-renderer/state/preflight.svelte.ts';

const machine = 'here/1' as MachineId;
const keeps: MachineAction = { kind: 'snapshot-revert', name: 'a', to: 'as-taken', keep: true };
const loses: MachineAction = { ...keeps, keep: false };

function planOf(action: MachineAction, change: Partial<ActionPlan> = {}): ActionPlan {
  return {
    machine: { id: machine, name: 'web-01' },
    action,
    title: 'Revert web-01 to a',
    summary: '',
    button: 'Revert to a',
    verdict: 'allowed',
    reasons: [],
    alternatives: [],
    steps: [],
    checks: [],
    costs: { bytes: 0, freeBytes: null, seconds: 0, downtimeSeconds: 0, rereads: [] },
    storage: null,
    undo: '',
    tier: 1,
    confirm: null,
    lost: [],
    stays: '',
    commands: [],
    documents: [],
    fingerprint: JSON.stringify(action),
    ...change,
  };
}

/** An engine whose answers a test gives one by one, in any order. */
function slowEngine() {
  const asked: { name: string; input: unknown; answer: (value: unknown) => void }[] = [];
  const client = createClient({
    invoke: (name, input) =>
      new Promise((resolve) => {
        const answer = (value: unknown): void => {
          const failed = value instanceof AppError;
          resolve(failed ? { ok: false, error: value.toJSON() } : { ok: true, value });
        };
        asked.push({ name, input, answer });
      }),
    subscribe: () => () => undefined,
  });
  return { client, asked };
}

/** Lets every promise that can go on do so. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function open(action: MachineAction = keeps) {
  const { client, asked } = slowEngine();
  return { flow: new Preflight(client, machine, action), asked };
}

async function opened(change: Partial<ActionPlan> = {}) {
  const { flow, asked } = open();
  asked[0]?.answer(planOf(keeps, change));
  await settled();
  return { flow, asked };
}

const warning = {
  id: 'power-cut',
  level: 'warning',
  title: 'As after a power cut',
  detail: '',
  accept: 'Go on',
} as const;

describe('planning', () => {
  test('asks at once, and is ready when the plan allows it', async () => {
    const { flow, asked } = open();
    expect(flow.planning).toBe(true);
    expect(flow.ready).toBe(false);
    expect(asked[0]).toMatchObject({ name: 'actions.plan', input: { machine, action: keeps } });
    asked[0]?.answer(planOf(keeps));
    await settled();
    expect(flow).toMatchObject({ planning: false, settled: true, ready: true, problem: null });
  });

  test('a slow answer to an old question never covers a newer one', async () => {
    const { flow, asked } = open();
    flow.choose(loses);
    asked[1]?.answer(planOf(loses));
    await settled();
    asked[0]?.answer(planOf(keeps));
    await settled();
    expect(flow.plan?.action).toEqual(loses);
    expect(flow.ready).toBe(true);
  });

  test('while a newer question is open, the old plan shows and cannot be started', async () => {
    const { flow, asked } = await opened();
    flow.choose(loses);
    expect(flow.plan?.action).toEqual(keeps);
    expect(flow.ready).toBe(false);
    expect(await flow.start()).toBeNull();
    expect(asked).toHaveLength(2);
  });

  test('a failure is told and can be tried again', async () => {
    const { flow, asked } = open();
    asked[0]?.answer(new AppError('libvirt-timeout', 'libvirt is silent.'));
    await settled();
    expect(flow.problem?.code).toBe('libvirt-timeout');
    expect(flow.ready).toBe(false);
    void flow.again();
    expect(flow.problem).toBeNull();
    asked[1]?.answer(planOf(keeps));
    await settled();
    expect(flow.ready).toBe(true);
  });

  test('a refused plan is never ready', async () => {
    const { flow } = await opened({ verdict: 'refused' });
    expect(flow.settled).toBe(true);
    expect(flow.ready).toBe(false);
  });
});

describe('typing', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => vi.useRealTimers());

  test('plans once, when nothing more is typed', async () => {
    const { flow, asked } = await opened();
    flow.choose({ ...keeps, name: 'ab' }, 300);
    vi.advanceTimersByTime(200);
    flow.choose({ ...keeps, name: 'abc' }, 300);
    vi.advanceTimersByTime(299);
    expect(asked).toHaveLength(1);
    expect(flow.ready).toBe(false);
    vi.advanceTimersByTime(1);
    expect(asked[1]).toMatchObject({ input: { action: { name: 'abc' } } });
  });

  test('settle ends the wait and answers with the plan of what was typed last', async () => {
    const { flow, asked } = await opened();
    flow.choose({ ...keeps, name: 'abc' }, 300);
    let done = false;
    const waiting = flow.settle().then(() => (done = true));
    expect(asked).toHaveLength(2);
    await settled();
    expect(done).toBe(false);
    asked[1]?.answer(planOf({ ...keeps, name: 'abc' }));
    await waiting;
    expect(flow.plan?.action).toMatchObject({ name: 'abc' });
  });

  test('nothing is planned after the dialog was closed', async () => {
    const { flow, asked } = await opened();
    flow.choose(loses, 300);
    flow.stop();
    vi.advanceTimersByTime(1000);
    expect(asked).toHaveLength(1);
  });
});

describe('consent', () => {
  test('a warning needs its tick, a blocker has none', async () => {
    const { flow } = await opened({ checks: [warning] });
    expect(flow.ready).toBe(false);
    flow.accept(warning.id, true);
    expect(flow.ready).toBe(true);
    flow.accept(warning.id, false);
    expect(flow.ready).toBe(false);
  });

  test('the name has to be the name', async () => {
    const { flow } = await opened({ tier: 3, confirm: 'web-01' });
    for (const wrong of ['', 'web-0', 'web-011', 'Web-01', 'web 01']) {
      flow.typed = wrong;
      expect(flow.ready, wrong).toBe(false);
    }
    flow.typed = ' web-01\n';
    expect(flow.ready).toBe(true);
  });

  test('a tick holds only for the words it was given to', async () => {
    const { flow, asked } = await opened({ checks: [warning] });
    flow.accept(warning.id, true);
    flow.choose(loses);
    asked[1]?.answer(planOf(loses, { checks: [warning] }));
    await settled();
    expect(flow.accepted.has(warning.id)).toBe(true);
    flow.choose(keeps);
    asked[2]?.answer(planOf(keeps, { checks: [{ ...warning, accept: 'Lose it all' }] }));
    await settled();
    expect(flow.accepted.has(warning.id)).toBe(false);
  });

  test('a typed name is forgotten with the question it answered', async () => {
    const { flow, asked } = await opened({ confirm: 'web-01' });
    flow.typed = 'web-01';
    flow.choose(keeps);
    asked[1]?.answer(planOf(keeps));
    await settled();
    expect(flow.typed).toBe('');
  });
});

describe('start', () => {
  const refused = (data: ErrorData) => new AppError('refused', 'No.', data);

  test('sends exactly what was shown and consented to', async () => {
    const { flow, asked } = await opened({ checks: [warning], confirm: 'web-01' });
    flow.accept(warning.id, true);
    flow.typed = ' web-01 ';
    const started = flow.start();
    expect(flow.starting).toBe(true);
    expect(asked[1]).toMatchObject({
      name: 'actions.start',
      input: {
        machine,
        action: keeps,
        fingerprint: JSON.stringify(keeps),
        accepted: [warning.id],
        typed: 'web-01',
      },
    });
    asked[1]?.answer('job-1');
    expect(await started).toBe('job-1');
    expect(flow.starting).toBe(false);
  });

  test('where nothing is asked, no name is sent', async () => {
    const { flow, asked } = await opened();
    void flow.start();
    expect(asked[1]).toMatchObject({ input: { typed: null, accepted: [] } });
  });

  test('a second press does not start it twice', async () => {
    const { flow, asked } = await opened();
    void flow.start();
    expect(await flow.start()).toBeNull();
    expect(asked).toHaveLength(2);
  });

  test('a plan that changed is made again, without the old consent', async () => {
    const { flow, asked } = await opened({ checks: [warning] });
    flow.accept(warning.id, true);
    const started = flow.start();
    asked[1]?.answer(refused({ changed: true }));
    await settled();
    expect(asked[2]?.name).toBe('actions.plan');
    asked[2]?.answer(planOf(keeps, { checks: [warning], fingerprint: 'new' }));
    expect(await started).toBeNull();
    expect(flow).toMatchObject({ changed: true, startProblem: null, ready: false });
    flow.accept(warning.id, true);
    void flow.start();
    expect(asked[3]).toMatchObject({ input: { fingerprint: 'new' } });
  });

  test('a plan that is refused by now shows why, instead of the old one', async () => {
    const { flow, asked } = await opened();
    const started = flow.start();
    asked[1]?.answer(refused({ reasons: ['A backup runs.'] }));
    await settled();
    asked[2]?.answer(planOf(keeps, { verdict: 'refused', fingerprint: 'none' }));
    expect(await started).toBeNull();
    expect(flow).toMatchObject({ changed: true, startProblem: null, ready: false });
    expect(flow.plan?.verdict).toBe('refused');
  });

  test('a refusal of the very same plan is a problem to show', async () => {
    const { flow, asked } = await opened();
    const started = flow.start();
    asked[1]?.answer(refused({ unharmed: 'All.' }));
    await settled();
    asked[2]?.answer(planOf(keeps));
    expect(await started).toBeNull();
    expect(flow.changed).toBe(false);
    expect(flow.startProblem?.data['unharmed']).toBe('All.');
  });

  test('any other failure is a problem to show; choosing again puts it away', async () => {
    const { flow, asked } = await opened();
    const started = flow.start();
    asked[1]?.answer(new AppError('libvirt-timeout', 'libvirt is silent.'));
    expect(await started).toBeNull();
    expect(flow.startProblem?.code).toBe('libvirt-timeout');
    flow.choose(loses);
    expect(flow.startProblem).toBeNull();
  });
});
