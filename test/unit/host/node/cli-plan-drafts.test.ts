import { describe, expect, it } from 'vitest';
import { defaultPlanDraft, retentionPresets } from '#contract/plan-defaults.ts';
import type { PlanDraft } from '#contract/plans.ts';
import { plansEngine } from '../../../fakes/scripted-plans.ts';
import { waymark } from '../../../fakes/terminal-run.ts';

const create = ['plan', 'create', 'All', '--to', 'attic'];
const mib = 1024 ** 2;

/** The draft that was sent, after the command ended well. */
async function drafted(args: readonly string[], before?: Partial<PlanDraft>): Promise<PlanDraft> {
  const { engine, drafts } = plansEngine(before === undefined ? {} : { plan: before });
  const run = await waymark([...args, '--json'], { engine });
  expect([run.err, run.code]).toEqual(['', 0]);
  const draft = drafts.at(-1);
  if (draft === undefined) throw new Error('Nothing was drafted');
  return draft;
}

describe('plan create', () => {
  it('with a name and a repository protects every machine each night', async () => {
    const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
    const draft = await drafted(create);
    expect(draft).toEqual({
      ...defaultPlanDraft(zone),
      name: 'All',
      repositories: [expect.stringContaining('attic')],
    });
    expect(draft.calendar).toEqual({ kind: 'daily', at: ['02:00'] });
    expect(draft.machines).toEqual({ kind: 'all', except: [] });
    expect(draft.keep).toEqual(retentionPresets.balanced);
  });

  it.each([
    [['--hourly', '15'], { kind: 'hourly', minute: 15 }],
    [['--daily', '14:00,2:00,14:00'], { kind: 'daily', at: ['02:00', '14:00'] }],
    [['--weekly', 'thu,mon@3:30'], { kind: 'weekly', days: ['mon', 'thu'], at: '03:30' }],
    [['--monthly', '31@02:00'], { kind: 'monthly', day: 31, at: '02:00' }],
    [['--monthly', 'last@02:00'], { kind: 'monthly', day: 'last', at: '02:00' }],
    [['--cron', '*/5 * * * *'], { kind: 'cron', expression: '*/5 * * * *' }],
    [['--no-calendar'], null],
  ])('at %j', async (args, calendar) => {
    expect((await drafted([...create, ...args])).calendar).toEqual(calendar);
  });

  it.each([
    [['--keep-last', '3', '--keep-daily', '7'], { last: 3, daily: 7, monthly: 0 }],
    [['--keep', 'long', '--keep-yearly', '2'], { ...retentionPresets.long, yearly: 2 }],
  ])('keeping %j means these and no others', async (args, keep) => {
    expect((await drafted([...create, ...args])).keep).toMatchObject(keep);
  });

  it('keeps everything when that is asked', async () => {
    expect((await drafted([...create, '--keep-all'])).keep).toBeNull();
  });

  it('knows the machines that are meant', async () => {
    const { engine } = plansEngine();
    const id = (name: string) => engine.state.machines.find((one) => one.name === name)!.id;
    const chosen = await drafted([...create, '--machine', 'mail', '--machine', 'rack/mail']);
    expect(chosen.machines).toEqual({ kind: 'chosen', machines: [id('mail')] });
    const host = await drafted([...create, '--host', 'rack', '--except', 'mail']);
    expect(host.machines).toMatchObject({ kind: 'host', except: [id('mail')] });
    const all = await drafted([...create, '--all', '--except', 'mail']);
    expect(all.machines).toEqual({ kind: 'all', except: [id('mail')] });
    const without = await drafted([...create, '--exclude', 'mail:vda', '--exclude', 'mail:vda']);
    expect(without.exclude).toEqual([{ machine: id('mail'), targets: ['vda'] }]);
  });

  it('has every trigger, condition, hook and limit', async () => {
    const draft = await drafted([
      ...create,
      ...['--zone', 'Asia/Tokyo', '--no-catch-up', '--when-changed', '1.5G', '--after-shutdown'],
      ...['--before-revert', '--shortest-interval', '2h', '--not-on-battery', '--not-metered'],
      ...['--window', '22:00-6:00', '--not-busy', '50M/s', '--verify', 'data'],
      ...['--before-hook', '["/bin/sync", "-f", "a b"]', '--hook-must-succeed'],
      ...['--after-hook', '/bin/true', '--hook-timeout', '90s', '--limit', '100MiB/s'],
      ...['--at-once', '4', '--tell-success', '--overdue-after', '7d'],
    ]);
    expect(draft).toMatchObject({
      zone: 'Asia/Tokyo',
      catchUp: false,
      triggers: {
        changedBytes: 1536 * mib,
        shutdown: true,
        beforeRevert: true,
        shortestIntervalSeconds: 7200,
      },
      conditions: {
        notOnBattery: true,
        notMetered: true,
        window: { from: '22:00', to: '06:00' },
        busyBytesPerSecond: 50 * mib,
      },
      verify: 'data',
      hooks: {
        before: { argv: ['/bin/sync', '-f', 'a b'], timeoutSeconds: 90, stopOnFailure: true },
        after: { argv: ['/bin/true'], timeoutSeconds: 90, stopOnFailure: false },
      },
      limits: { machinesAtOnce: 4, bytesPerSecond: 100 * mib },
      notify: { success: true, overdueAfterSeconds: 7 * 86_400 },
    });
  });

  it.each([
    ['nowhere to', ['plan', 'create', 'All']],
    ['two calendars', [...create, '--daily', '02:00', '--cron', '* * * * *']],
    ['a calendar and none', [...create, '--daily', '02:00', '--no-calendar']],
    ['minute 60', [...create, '--hourly', '60']],
    ['25 o’clock', [...create, '--daily', '25:00']],
    ['no day', [...create, '--weekly', '02:00']],
    ['an odd day', [...create, '--weekly', 'wday@02:00']],
    ['day 32', [...create, '--monthly', '32@02:00']],
    ['two kinds of machines', [...create, '--all', '--host', 'rack']],
    ['exceptions of chosen machines', [...create, '--machine', 'mail', '--except', 'gitea']],
    ['an odd preset', [...create, '--keep', 'forever']],
    ['all and some', [...create, '--keep-all', '--keep-last', '3']],
    ['a negative number', [...create, '--keep-last=-1']],
    ['a size without its unit', [...create, '--limit', '100']],
    ['a size of nothing', [...create, '--when-changed', '0G']],
    ['a time without its unit', [...create, '--overdue-after', '3']],
    ['half a window', [...create, '--window', '22:00']],
    ['a hook by a relative path', [...create, '--before-hook', 'sync']],
    ['a hook without words', [...create, '--before-hook', '[]']],
    ['a hook that is no list', [...create, '--before-hook', '["/bin/sync", 7]']],
    ['a hook cut off', [...create, '--before-hook', '["/bin/sync"']],
    ['a time limit of no hook', [...create, '--hook-timeout', '5m']],
    ['both ways', [...create, '--catch-up', '--no-catch-up']],
    ['five at once', [...create, '--at-once', '5']],
    ['an odd check', [...create, '--verify', 'all']],
    ['a disk of nobody', [...create, '--exclude', 'vda']],
    ['a disk that is not there', [...create, '--exclude', 'mail:vdz']],
    ['nothing to change', ['plan', 'change', 'Nightly']],
    ['a pause until yesterday', ['plan', 'pause', 'Nightly', '--until', '1969-07-20']],
    ['a pause until some time', ['plan', 'pause', 'Nightly', '--until', 'tomorrow']],
  ])('ends with 2 for %s, and asks for nothing', async (_what, args) => {
    const { engine, asked } = plansEngine();
    const run = await waymark(args, { engine });
    expect([run.code, run.out, asked]).toEqual([2, '', []]);
    expect(run.err).toMatch(/^waymark: .+\n/);
  });

  it('says what cannot be, each with its reason, and makes nothing', async () => {
    const problems = [
      { field: 'calendar', level: 'blocker', message: 'It never comes: 30 February.' },
      { field: 'keep', level: 'warning', message: 'One point is little.' },
    ] as const;
    const { engine, asked } = plansEngine({ check: { problems } });
    const run = await waymark([...create, '--cron', '0 0 30 2 *'], { engine });
    expect([run.code, asked]).toEqual([3, []]);
    expect(run.err).toContain('  - It never comes: 30 February.');
    const warned = plansEngine({ check: { problems: problems.slice(1) } });
    const made = await waymark(create, { engine: warned.engine });
    expect([made.code, made.err]).toEqual([0, 'One point is little.\n']);
    expect(warned.asked.map(({ call }) => call)).toEqual(['create']);
  });

  it('tells the next three times in the plan’s zone, and what the clocks do', async () => {
    const clockChange = 'On 28 March there is no 02:00: it runs at 03:00.';
    const { engine } = plansEngine({ check: { clockChange } });
    const { out } = await waymark([...create, '--zone', 'Europe/Berlin'], { engine });
    expect(out).toContain('Daily at 02:00 Europe/Berlin\n');
    expect(out).toContain(
      'Fri 2026-11-27 02:00 +01:00; Sat 2026-11-28 02:00 +01:00; Sun 2026-11-29 02:00 +01:00. ' +
        clockChange,
    );
  });
});

describe('plan change', () => {
  const change = ['plan', 'change', 'Nightly'];
  const old: Partial<PlanDraft> = {
    machines: { kind: 'host', host: 'host-rack' as never, except: [] },
    triggers: {
      changedBytes: 7 * mib,
      shutdown: true,
      beforeRevert: false,
      shortestIntervalSeconds: 60,
    },
    conditions: {
      notOnBattery: true,
      notMetered: true,
      window: { from: '01:00', to: '05:00' },
      busyBytesPerSecond: mib,
    },
    hooks: {
      before: { argv: ['/bin/a'], timeoutSeconds: 30, stopOnFailure: true },
      after: { argv: ['/bin/b'], timeoutSeconds: 40, stopOnFailure: false },
    },
    catchUp: false,
  };

  it('changes only what is named', async () => {
    const { engine, drafts } = plansEngine({ plan: old });
    const run = await waymark([...change, '--keep-daily', '30'], { engine });
    expect(run.code).toBe(0);
    const { balanced } = retentionPresets;
    expect(drafts.at(-1)).toMatchObject({ ...old, keep: { ...balanced, daily: 30 } });
    expect(drafts.at(-1)).not.toHaveProperty('id');
  });

  it.each([
    [['--name', 'Each night'], { name: 'Each night' }],
    [['--before-hook', 'none'], { hooks: { ...old.hooks, before: null } }],
    [
      ['--before-hook', '/bin/c'],
      { hooks: { before: { ...old.hooks!.before, argv: ['/bin/c'] }, after: old.hooks!.after } },
    ],
    [
      ['--hook-may-fail'],
      { hooks: { ...old.hooks, before: { ...old.hooks!.before, stopOnFailure: false } } },
    ],
    [['--window', 'none'], { conditions: { ...old.conditions, window: null } }],
    [['--on-battery'], { conditions: { ...old.conditions, notOnBattery: false } }],
    [['--when-changed', 'none'], { triggers: { ...old.triggers, changedBytes: null } }],
    [['--no-after-shutdown'], { triggers: { ...old.triggers, shutdown: false } }],
    [['--catch-up'], { catchUp: true }],
    [['--all'], { machines: { kind: 'all', except: [] } }],
  ])('%j', async (args, changed) => {
    expect(await drafted([...change, ...args], old)).toMatchObject({ ...old, ...changed });
  });

  it('puts exceptions to the rule that is there, and takes them back', async () => {
    const { engine } = plansEngine();
    const { id } = engine.state.machines.find(({ name }) => name === 'mail')!;
    const more = await drafted([...change, '--except', 'mail'], old);
    expect(more.machines).toEqual({ kind: 'host', host: 'host-rack', except: [id] });
    const before = { ...old, machines: more.machines };
    expect((await drafted([...change, '--except', 'none'], before)).machines).toEqual(old.machines);
    expect((await drafted([...change, '--catch-up'], before)).machines).toEqual(more.machines);
  });

  it('ends with 1 for a plan that is not there', async () => {
    const run = await waymark(['plan', 'change', 'Daily', '--all'], plansEngine());
    expect([run.code, run.out]).toEqual([1, '']);
    expect(run.err).toContain('There is no plan Daily.');
  });
});
