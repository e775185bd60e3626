import { describe, expect, it } from 'vitest';
import type { Background } from '#contract/news.ts';
import type { Plan } from '#contract/plans.ts';
import { due, plansEngine } from '../../../fakes/scripted-plans.ts';
import { waymark } from '../../../fakes/terminal-run.ts';

/** The one JSON document on stdout. */
function json(run: { readonly out: string }): Record<string, unknown> {
  expect(run.out.trimEnd().split('\n')).toHaveLength(1);
  return JSON.parse(run.out) as Record<string, unknown>;
}

/** "Name: value" lines. */
function fields(out: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    out.split('\n').map((line) => {
      const [name = '', ...value] = line.split(':');
      return [name, value.join(':').trim()];
    }),
  );
}

describe('plan list', () => {
  it('says when each runs, in its zone, and how it is', async () => {
    const { engine } = plansEngine({ plan: { lastGood: due - 24 * 3600_000 } });
    const { out, code } = await waymark(['plan', 'list'], { engine });
    expect(code).toBe(0);
    expect(out.split('\n')[1]).toMatch(
      /^Nightly +2 +Daily at 02:00 Europe\/Berlin +on +Fri 2026-11-27 02:00 \+01:00 +Thu /,
    );
    expect(json(await waymark(['plan', 'list', '--json'], { engine }))['plans']).toHaveLength(1);
  });

  it('says what to type when there is none', async () => {
    const { out } = await waymark(['plan', 'list'], { engine: plansEngine({ none: true }).engine });
    expect(out).toContain('waymark plan create <name> --to <repository>');
  });

  it('does not hide a plan that cannot be any more, nor one that is paused', async () => {
    const troubled = plansEngine({ plan: { troubles: ['attic is gone.'] } });
    expect((await waymark(['plan', 'list'], troubled)).out).toContain('needs a look');
    const paused = plansEngine({ plan: { pause: { kind: 'paused', until: null } } });
    expect((await waymark(['plan', 'list'], paused)).out).toMatch(/ paused +/);
  });
});

describe('plan show', () => {
  const shown = async (plan: Partial<Plan>): Promise<Readonly<Record<string, string>>> => {
    const { engine } = plansEngine({ plan });
    const { out, code } = await waymark(['plan', 'show', 'Nightly'], { engine });
    expect(code).toBe(0);
    return fields(out);
  };

  it('has what a person would look for', async () => {
    const all = await shown({});
    expect(all).toMatchObject({
      'Where to': 'attic',
      When: 'Daily at 02:00 Europe/Berlin',
      Keeps: 'the last 3, 10 daily, 6 weekly and 12 monthly',
      Checks: 'structure',
      'Last good': 'never',
    });
    expect(all['Machines']).toMatch(/^all, now 2: /);
    for (const name of ['Waits', 'Before', 'After', 'Left out', 'Catch up']) {
      expect(all).not.toHaveProperty([name]);
    }
  });

  const none = { changedBytes: null, shutdown: false, beforeRevert: false };
  const seldom = { shortestIntervalSeconds: 0 };
  it.each([
    [{ calendar: { kind: 'hourly', minute: 5 } }, 'When', 'Hourly at minute 5 Europe/Berlin'],
    [
      { calendar: { kind: 'weekly', days: ['mon', 'wed', 'sun'], at: '03:30' } },
      'When',
      'Weekly on Mon, Wed and Sun at 03:30 Europe/Berlin',
    ],
    [
      { calendar: { kind: 'monthly', day: 31, at: '02:00' } },
      'When',
      'Monthly on day 31, or the last day of a shorter month, at 02:00 Europe/Berlin',
    ],
    [
      { calendar: { kind: 'cron', expression: '0 2 * * 1-5' } },
      'When',
      'At "0 2 * * 1-5" Europe/Berlin',
    ],
    [{ calendar: null, triggers: { ...none, ...seldom } }, 'When', 'Only when it is asked for'],
    [
      { calendar: null, triggers: { ...none, ...seldom, shutdown: true, beforeRevert: true } },
      'When',
      'After a shutdown and before a revert',
    ],
    [
      { triggers: { ...none, ...seldom, changedBytes: 1024 ** 3 } },
      'When',
      'Daily at 02:00 Europe/Berlin, and when 1.0 GiB have changed',
    ],
    [{ keep: null }, 'Keeps', 'everything'],
    [
      {
        conditions: {
          notOnBattery: true,
          notMetered: false,
          window: { from: '22:00', to: '06:00' },
          busyBytesPerSecond: 1024 ** 2,
        },
      },
      'Waits',
      'on battery, outside 22:00 to 06:00 and while a guest moves 1.0 MiB/s',
    ],
    [
      {
        hooks: {
          before: { argv: ['/bin/a'], timeoutSeconds: 60, stopOnFailure: true },
          after: null,
        },
      },
      'Before',
      '["/bin/a"], at most 1 min 0 s, has to succeed',
    ],
    [
      { limits: { machinesAtOnce: 1, bytesPerSecond: 1024 ** 2 } },
      'At once',
      '1 machine of a host, each at most 1.0 MiB/s',
    ],
  ] as readonly [Partial<Plan>, string, string][])('%j', async (plan, name, words) => {
    expect((await shown(plan))[name]).toBe(words);
  });

  it('shows the next times of a zone nobody knows in UTC, not a stack', async () => {
    expect((await shown({ zone: 'Mars/Olympus' }))['Next']).toMatch(
      /^Fri 2026-11-27 01:00 \+00:00/,
    );
  });
});

describe('who runs it', () => {
  const create = ['plan', 'create', 'All', '--to', 'attic'];
  const told = async (change: Partial<Background>): Promise<string> => {
    const { engine } = plansEngine();
    const usual = await engine.handlers['background.get']({});
    const handlers = {
      ...engine.handlers,
      'background.get': async () => ({ ...usual, ...change }),
    };
    return (await waymark(create, { engine: { ...engine, handlers } })).err;
  };

  it('is told when nobody does, and only then', async () => {
    expect(await told({ running: 'command-line' })).toContain('waymark plan run-due');
    expect(await told({ running: 'electron' })).toBe('');
    const path = '/p';
    const autostart = { installed: true, path };
    expect(await told({ running: 'command-line', autostart })).toBe('');
    const service = { kind: 'installed', path, active: true, lingering: false, words: '' } as const;
    expect(await told({ running: 'command-line', service })).toBe('');
    const dead = { ...service, active: false };
    expect(await told({ running: 'command-line', service: dead })).toContain('run-due');
  });
});

describe('pausing', () => {
  it('lasts until a time, for a time, or until it is resumed', async () => {
    const { engine, asked } = plansEngine();
    const pause = ['plan', 'pause', 'Nightly'];
    const until = await waymark([...pause, '--until', '2040-01-02T03:00+01:00'], { engine });
    expect(until.code).toBe(0);
    expect(asked.at(-1)?.input).toEqual({ plan: 'plan-1', until: Date.UTC(2040, 0, 2, 2) });
    await waymark([...pause, '--for', '3d'], { engine });
    const { until: ahead } = asked.at(-1)?.input as { until: number };
    expect(ahead).toBeGreaterThan(3 * 86_400_000 - 1);
    const open = await waymark(pause, { engine });
    expect(open.out).toBe('Nightly: paused.\n');
    const on = await waymark(['plan', 'resume', 'Nightly'], { engine });
    expect(on.out).toBe('Nightly: on, next at Fri 2026-11-27 02:00 +01:00.\n');
    expect((await waymark([...pause, '--for', '3d', '--until', '2040-01-01'])).code).toBe(2);
  });
});

describe('removing', () => {
  it('asks first, and says how to undo it', async () => {
    const { engine, asked } = plansEngine();
    const alone = await waymark(['plan', 'remove', 'Nightly'], { engine });
    expect([alone.code, asked]).toEqual([3, []]);
    const no = await waymark(['plan', 'remove', 'Nightly'], { engine, confirm: false });
    expect([no.code, asked]).toEqual([3, []]);
    expect(no.err).toContain('Remove the plan Nightly? It protects 2 machines.');
    const yes = await waymark(['plan', 'remove', 'Nightly', '--yes'], { engine });
    expect(yes.out).toContain('waymark plan bring-back plan-1\n');
    const back = await waymark(['plan', 'bring-back', 'plan-1'], { engine });
    expect(back.out).toBe('Nightly is back.\n');
    expect(asked.map(({ call }) => call)).toEqual(['remove', 'bring-back']);
  });
});
