import { describe, expect, it } from 'vitest';
import { AppError } from '#contract/errors.ts';
import type { PlanRunState } from '#contract/plans.ts';
import { done, due, failed, plansEngine, running, waiting } from '../../../fakes/scripted-plans.ts';
import { waymark } from '../../../fakes/terminal-run.ts';

const runPlan = ['plan', 'run', 'Nightly'];
const problems: PlanRunState = { kind: 'problems', at: due, problems: ['vdb was left out.'] };
const skipped: PlanRunState = { kind: 'skipped', at: due, words: 'Paused.' };

/** The one JSON document on stdout. */
function json(run: { readonly out: string }): Record<string, unknown> {
  expect(run.out.trimEnd().split('\n')).toHaveLength(1);
  return JSON.parse(run.out) as Record<string, unknown>;
}

describe('plan run', () => {
  it.each([
    [
      'all done',
      [
        [running, done],
        [waiting('turn'), running, done],
      ],
      0,
    ],
    [
      'one failed',
      [
        [running, done],
        [running, failed],
      ],
      4,
    ],
    ['one with problems', [[running, problems]], 4],
    ['one done, one waiting', [[done], [waiting('on-battery')]], 4],
    ['all failed', [[running, failed], [failed]], 1],
    ['one failed, one waiting', [[failed], [waiting('on-battery')]], 1],
    ['all waiting', [[waiting('on-battery')], [waiting('repository-absent')]], 3],
    ['waiting again', [[running, waiting('repository-absent')], [failed]], 1],
    ['going on after waiting', [[running, waiting('turn'), running, done]], 0],
    ['waiting after its turn', [[waiting('turn'), waiting('on-battery')]], 3],
    ['cancelled elsewhere', [[running, { kind: 'cancelled', at: due }]], 130],
    ['left out on purpose', [[skipped]], 0],
  ] as const)('%s', async (_what, runs, code) => {
    const { engine } = plansEngine({ runs });
    const run = await waymark([...runPlan, '--json'], { engine });
    expect(run.code).toBe(code);
    const rows = json(run)['runs'] as { id: string; state: PlanRunState }[];
    expect(rows.map(({ id }) => id)).toEqual(runs.map((_, at) => `01RUN${at}`));
    expect(rows.map(({ state }) => state)).toEqual(runs.map((states) => states.at(-1)));
  });

  it('says a row for each, why one waits, and what to do', async () => {
    const { engine } = plansEngine({ runs: [[done], [failed], [waiting('on-battery')]] });
    const { out, code } = await waymark(runPlan, { engine });
    expect(code).toBe(4);
    const [head, ...rows] = out.trimEnd().split('\n');
    expect(head).toMatch(/^PLAN +MACHINE +REPOSITORY +STATE +POINT$/);
    expect(rows[0]).toMatch(/^Nightly .* done +point-0$/);
    expect(rows[1]).toContain('failed: attic is full.');
    expect(rows[2]).toContain(' Waits while this computer runs on its battery.');
    expect(rows[3]).toMatch(/: Make room\.$/);
    expect(rows[4]).toMatch(/waymark plan run-now 01RUN2$/);
  });

  it('finds the end when the wire lost every event', { timeout: 15_000 }, async () => {
    const { engine } = plansEngine({
      runs: [
        [running, done],
        [running, failed],
      ],
      silent: true,
    });
    const run = await waymark([...runPlan, '--json'], { engine });
    expect(run.code).toBe(4);
  });

  it('does not wait for ever for an engine that is gone', { timeout: 15_000 }, async () => {
    const { engine } = plansEngine({ runs: [[running]] });
    const gone = new AppError('not-connected', 'The Waymark that answered has ended.');
    const handlers = { ...engine.handlers, 'plans.runs': () => Promise.reject(gone) };
    const run = await waymark(runPlan, { engine: { ...engine, handlers } });
    expect([run.code, run.err]).toEqual([1, 'waymark: The Waymark that answered has ended.\n']);
  });

  it('of one machine asks for that one', async () => {
    const { engine, asked } = plansEngine({ runs: [[done]] });
    const { id } = engine.state.machines.find(({ name }) => name === 'mail')!;
    await waymark([...runPlan, '--machine', 'mail'], { engine });
    expect(asked).toEqual([{ call: 'run', input: { plan: 'plan-1', machine: id } }]);
  });

  it('of a plan without a machine is refused', async () => {
    const run = await waymark(runPlan, { engine: plansEngine().engine });
    expect([run.code, run.out]).toEqual([3, '']);
  });

  it('ends with 130 at Ctrl+C: what runs is cancelled, what waits is left out', async () => {
    const runs = [[running], [waiting('turn')]];
    const { engine, asked } = plansEngine({ runs });
    const interrupted = new AbortController();
    const ending = waymark([...runPlan, '--json'], { engine, signal: interrupted.signal });
    await new Promise((resolve) => setTimeout(resolve, 20));
    interrupted.abort();
    const run = await ending;
    expect(run.code).toBe(130);
    const states = (json(run)['runs'] as { state: PlanRunState }[]).map(({ state }) => state.kind);
    expect(states).toEqual(['cancelled', 'skipped']);
    expect(asked.map(({ call }) => call)).toEqual(['run', 'skip', 'cancel']);
  });
});

describe('plan run-due', () => {
  it('is quiet when nothing is due', async () => {
    const { engine, asked } = plansEngine();
    const run = await waymark(['plan', 'run-due'], { engine });
    expect(run).toMatchObject({ code: 0, out: '', err: '' });
    expect(asked).toEqual([{ call: 'run-due', input: {} }]);
    const document = json(await waymark(['plan', 'run-due', '--json'], { engine }));
    expect(document).toMatchObject({ runs: [] });
  });

  it('says once what waits, not each time a timer comes by', async () => {
    const { engine } = plansEngine({ runs: [[waiting('on-battery', 0)]] });
    const run = await waymark(['plan', 'run-due'], { engine });
    expect(run).toMatchObject({ code: 3, out: '', err: '' });
    const fresh = plansEngine({ runs: [[waiting('on-battery', 0)], [done]] });
    const both = await waymark(['plan', 'run-due'], fresh);
    expect(both.code).toBe(4);
    expect(both.out.trimEnd().split('\n')).toHaveLength(4);
  });

  it('that is ended leaves runs as they are: whoever runs them goes on', async () => {
    const { engine, asked } = plansEngine({ runs: [[running], [waiting('turn')]] });
    const interrupted = new AbortController();
    const ending = waymark(['plan', 'run-due'], { engine, signal: interrupted.signal });
    await new Promise((resolve) => setTimeout(resolve, 20));
    interrupted.abort();
    const run = await ending;
    expect(run.code).toBe(130);
    expect(run.out).toContain('running (backup)');
    expect(asked.map(({ call }) => call)).toEqual(['run-due']);
  });

  it('waits for what it began', async () => {
    const { engine } = plansEngine({ runs: [[waiting('turn'), running, done]] });
    const run = await waymark(['plan', 'run-due'], { engine });
    expect(run.code).toBe(0);
    expect(run.out).toContain('done');
  });
});

describe('a waiting run', () => {
  const script = () => {
    const { engine } = plansEngine({ runs: [[waiting('on-battery')]] });
    return engine.handlers['plans.run']({ plan: 'plan-1' as never, machine: null });
  };

  it('is begun or left out by the beginning of its id', async () => {
    const runs = await script();
    const { engine, asked } = plansEngine({ plan: { waiting: runs } });
    const now = await waymark(['plan', 'run-now', '01run'], { engine });
    expect([now.code, asked.at(-1)]).toEqual([0, { call: 'run-now', input: { run: '01RUN0' } }]);
    const skip = await waymark(['plan', 'skip', '01RUN0'], { engine });
    expect(skip.code).toBe(0);
    expect(skip.out).toMatch(/^Nightly, .+: skipped: A person\.\n$/);
  });

  it('has to be one', async () => {
    const [one] = await script();
    const two = [one!, { ...one!, id: '01RUN1' as never }];
    const { engine } = plansEngine({ plan: { waiting: two } });
    expect((await waymark(['plan', 'skip', '01RUN'], { engine })).code).toBe(2);
    expect((await waymark(['plan', 'skip', '02'], { engine })).code).toBe(1);
  });
});

describe('plan history', () => {
  it('has each run, why it began, how it ended and what to do', async () => {
    const { engine } = plansEngine({ runs: [[done], [failed]] });
    await engine.handlers['plans.run']({ plan: 'plan-1' as never, machine: null });
    const { out, code } = await waymark(['plan', 'history', 'Nightly', '--log'], { engine });
    expect(code).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines[1]).toContain('asked for');
    expect(lines.slice(2, 4)).toEqual(['    Frozen.', '    Thawed.']);
    expect(lines[5]).toMatch(/^ {4}.+: Make room\.$/);
    const bare = await waymark(['plan', 'history'], { engine });
    expect(bare.out).not.toContain('Frozen');
    expect(json(await waymark(['plan', 'history', '--json'], { engine }))['runs']).toHaveLength(2);
  });

  it('says so when there is none', async () => {
    const { out } = await waymark(['plan', 'history'], { engine: plansEngine().engine });
    expect(out).toBe('No runs yet.\n');
    expect((await waymark(['plan', 'history', '--rows', '501'])).code).toBe(2);
  });
});
