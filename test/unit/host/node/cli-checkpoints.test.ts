import { describe, expect, it } from 'vitest';
import { AppError } from '#contract/errors.ts';
import type { Checkpoint, Finding } from '#contract/moments.ts';
import type { RepositoryId } from '#contract/domain.ts';
import { scriptedEngine } from '../../../fakes/scripted-actions.ts';
import { waymark } from '../../../fakes/terminal-run.ts';

/** The one JSON document on stdout. */
function json(run: { readonly out: string }): Record<string, unknown> {
  expect(run.out.trimEnd().split('\n')).toHaveLength(1);
  return JSON.parse(run.out) as Record<string, unknown>;
}

const ours: Checkpoint = {
  name: 'waymark-1',
  time: 0,
  parent: null,
  owner: 'ours',
  repository: { id: 'repo-attic' as RepositoryId, name: 'attic' },
  role: 'reference',
  disks: ['vda', 'vdb'],
};
const foreign: Checkpoint = {
  ...ours,
  ...{ name: 'theirs', parent: 'waymark-1', owner: 'foreign', repository: null, role: 'foreign' },
};
const stateOfOurs = {
  name: 'waymark-1',
  health: 'inconsistent',
  changedBytes: 3 * 1024 ** 2,
  disks: [
    { target: 'vda', health: 'inconsistent', changedBytes: 1024 ** 2 },
    { target: 'vdb', health: 'healthy', changedBytes: 2 * 1024 ** 2 },
  ],
} as const;

describe('usage', () => {
  it.each([
    ['nothing to delete', 'checkpoint delete gitea'],
    ['a name of its own', 'checkpoint create gitea mine'],
    ['a plan of looking', 'checkpoint doctor gitea --plan'],
    ['no machine', 'checkpoint doctor'],
  ])('ends with 2 for %s, and starts nothing', async (_what, line) => {
    const run = await waymark(line.split(' '));
    expect(run).toMatchObject({ code: 2, opened: false, out: '' });
  });

  it('is in the help', async () => {
    const { out } = await waymark(['checkpoint', '--help']);
    for (const verb of ['list', 'create', 'delete', 'doctor']) {
      expect(out).toContain(`checkpoint ${verb} <machine>`);
    }
  });
});

describe('checkpoint list', () => {
  const list = ['checkpoint', 'list', 'gitea'];
  const timeline = { checkpoints: [ours, foreign] };

  it('is each checkpoint with its health and what changed since', async () => {
    const { engine } = scriptedEngine({ timeline, states: { checkpoints: [stateOfOurs] } });
    const run = await waymark([...list, '--json'], { engine });
    expect(run).toMatchObject({ code: 0, err: '' });
    expect(json(run)).toEqual({
      checkpoints: [
        { ...ours, ...stateOfOurs },
        {
          ...foreign,
          health: 'unknown',
          changedBytes: null,
          disks: ['vda', 'vdb'].map((target) => ({
            target,
            health: 'unknown',
            changedBytes: null,
          })),
        },
      ],
    });
    const [, first, second] = (await waymark(list, { engine })).out.split('\n');
    expect(first).toMatch(/^waymark-1 .+ Waymark +BROKEN, QEMU was killed +3\.0 MiB/);
    expect(first).toContain('the next backup to attic starts here');
    expect(second).toMatch(/^theirs .+ another program +not known now +not known +not known to/);
  });

  it('says why nothing newer is known', async () => {
    const { engine } = scriptedEngine({ timeline, states: { waits: 'A backup runs.' } });
    const run = await waymark(list, { engine });
    expect(run.code).toBe(0);
    expect(run.err).toContain('not up to date: A backup runs.');
  });

  it('lists them though their state cannot be told, and ends with 4', async () => {
    const states = new AppError('libvirt-timeout', 'libvirt did not answer.');
    const { engine } = scriptedEngine({ timeline, states });
    const run = await waymark([...list, '--json'], { engine });
    expect(run.code).toBe(4);
    expect(json(run)).toMatchObject({ checkpoints: [{ health: 'unknown' }, {}] });
    expect(run.err).toContain('libvirt did not answer.');
  });

  it('asks libvirt nothing when there are none, which has to be known', async () => {
    const states = new AppError('internal', 'Was asked all the same.');
    const none = await waymark(list, { engine: scriptedEngine({ states }).engine });
    expect(none).toMatchObject({ code: 0, out: 'No checkpoints.\n', err: '' });
    const incomplete = { code: 'libvirt-error', message: 'No.', data: {} } as const;
    const part = scriptedEngine({ timeline: { incomplete, ...timeline } });
    expect((await waymark(list, { engine: part.engine })).code).toBe(4);
    const lost = scriptedEngine({ timeline: { incomplete } });
    expect((await waymark(list, { engine: lost.engine })).code).toBe(1);
  });
});

describe('checkpoint create and delete', () => {
  it('are the actions of that name', async () => {
    const { engine, planned, started } = scriptedEngine();
    const create = await waymark(['checkpoint', 'create', 'gitea', '--json'], { engine });
    expect(json(create)).toEqual({
      action: { kind: 'checkpoint-create' },
      summary: 'gitea is changed.',
      undo: null,
      seconds: 1.5,
    });
    const remove = ['checkpoint', 'delete', 'gitea', 'a', 'b'];
    expect((await waymark(remove, { engine })).code).toBe(0);
    expect(planned[1]).toEqual({ kind: 'checkpoint-delete', names: ['a', 'b'] });
    expect(started).toHaveLength(2);
    expect((await waymark([...remove, '--plan'], { engine })).code).toBe(0);
    expect(started).toHaveLength(2);
  });

  it('asks before it deletes what another program made', async () => {
    const accept = 'Delete theirs, which another program made';
    const checks = [{ id: 'foreign', level: 'warning', title: 'T', detail: 'D', accept }] as const;
    const { engine, started } = scriptedEngine({ plan: { checks } });
    const remove = ['checkpoint', 'delete', 'gitea', 'theirs'];
    const run = await waymark(remove, { engine });
    expect(run.code).toBe(3);
    expect(run.err).toContain(accept);
    expect((await waymark([...remove, '--yes'], { engine })).code).toBe(0);
    expect(started).toEqual([expect.objectContaining({ accepted: ['foreign'] })]);
  });
});

describe('checkpoint doctor', () => {
  const doctor = ['checkpoint', 'doctor', 'gitea'];
  const dead: Finding = {
    id: 'dead-1',
    kind: 'dead-checkpoint',
    severity: 'problem',
    title: 'waymark-1 is dead',
    detail: 'Its bitmap is broken.',
    repair: 'Deletes it; the next backup reads everything.',
  };
  const open: Finding = { ...dead, id: 'open-1', severity: 'notice', title: 'Others may read it' };
  const chain: Finding = { ...dead, id: 'chain-1', title: 'vda is gone', repair: null };

  it('finds nothing, and says what it looked at', async () => {
    const { engine, examined } = scriptedEngine();
    const run = await waymark(doctor, { engine });
    expect(run).toMatchObject({ code: 0, err: '' });
    expect(run.out).toBe('Nothing is wrong.\n\nLooked at: libvirt\n');
    await waymark([...doctor, '--details'], { engine });
    expect(examined.map(({ details }) => details)).toEqual([false, true]);
  });

  it.each([
    ['a problem', [dead], 4],
    ['a problem only a person can repair', [chain], 4],
    ['a notice', [open], 0],
  ])('ends with its code for %s', async (_what, found, code) => {
    const { engine, started } = scriptedEngine({ findings: [found] });
    const run = await waymark([...doctor, '--json'], { engine });
    expect(run.code).toBe(code);
    expect(json(run)).toMatchObject({ report: { findings: found } });
    expect(started).toEqual([]);
  });

  it('says every finding, what it means and what repairs it', async () => {
    const { engine } = scriptedEngine({ findings: [[dead, open, chain]] });
    const { out } = await waymark(doctor, { engine });
    expect(out).toContain(
      'PROBLEM: waymark-1 is dead\n  Its bitmap is broken.\n  Repair: Deletes it; the next',
    );
    expect(out).toContain('NOTICE: Others may read it');
    expect(out).toContain('cannot repair this by itself');
    expect(out).toContain('To repair: waymark checkpoint doctor gitea --repair');
  });

  it('repairs what can be repaired, then looks again', async () => {
    const { engine, planned, started } = scriptedEngine({ findings: [[dead, open, chain], []] });
    const run = await waymark([...doctor, '--repair', '--json'], { engine });
    expect(run.code).toBe(0);
    const action = { kind: 'repair', findings: ['dead-1', 'open-1'], details: false };
    expect(planned).toEqual([action]);
    expect(started).toHaveLength(1);
    expect(json(run)).toMatchObject({
      report: { findings: [{}, {}, {}] },
      repaired: { action, summary: 'gitea is changed.', undo: null, seconds: 1.5 },
      after: { findings: [] },
    });
  });

  it('ends with 4 while a problem is left', async () => {
    const { engine } = scriptedEngine({ findings: [[dead, chain], [chain]] });
    const run = await waymark([...doctor, '--repair'], { engine });
    expect(run.code).toBe(4);
    expect(run.err).toContain('PROBLEM: waymark-1 is dead');
    expect(run.out).not.toContain('waymark-1 is dead');
    expect(run.out).toContain('PROBLEM: vda is gone');
  });

  it('has nothing to start when nothing can be repaired', async () => {
    const { engine, planned } = scriptedEngine({ findings: [[chain]] });
    const run = await waymark([...doctor, '--repair', '--json'], { engine });
    expect(run.code).toBe(4);
    expect(json(run)).not.toHaveProperty('repaired');
    expect(planned).toEqual([]);
  });

  it('shows the plan of a repair, and asks what it asks', async () => {
    const plan = { tier: 2, title: 'Repair gitea' } as const;
    const { engine, started } = scriptedEngine({ findings: [[dead]], plan });
    const dry = await waymark([...doctor, '--repair', '--plan', '--json'], { engine });
    expect(dry.code).toBe(0);
    expect(json(dry)).toMatchObject({ plan: { action: { findings: ['dead-1'] } } });
    expect((await waymark([...doctor, '--repair'], { engine })).code).toBe(3);
    expect(started).toEqual([]);
    expect((await waymark([...doctor, '--repair'], { engine, confirm: true })).code).toBe(4);
    expect(started).toHaveLength(1);
  });
});
