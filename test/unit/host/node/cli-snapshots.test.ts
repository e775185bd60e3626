import { describe, expect, it } from 'vitest';
import type { MachineAction } from '#contract/actions.ts';
import type { Snapshot } from '#contract/moments.ts';
import { AppError } from '#contract/errors.ts';
import { anUnfinished, scriptedEngine } from '../../../fakes/scripted-actions.ts';
import { waymark } from '../../../fakes/terminal-run.ts';

const create = ['snapshot', 'create', 'gitea', 'clean'];
const remove = ['snapshot', 'delete', 'gitea', 'clean'];

/** The one JSON document on stdout. */
function json(run: { readonly out: string }): Record<string, unknown> {
  expect(run.out.trimEnd().split('\n')).toHaveLength(1);
  return JSON.parse(run.out) as Record<string, unknown>;
}

function snapshot(name: string, parent: string | null, more: Partial<Snapshot> = {}): Snapshot {
  return {
    name,
    description: '',
    time: Date.UTC(2026, 10, 1) + name.length,
    parent,
    current: false,
    machineState: 'running',
    kind: 'internal',
    memory: true,
    disks: ['vda'],
    details: [],
    memoryBytes: 512 * 1024 ** 2,
    picture: false,
    undoPoint: false,
    broken: null,
    deleting: false,
    ...more,
  };
}

describe('usage', () => {
  it.each([
    ['no name', ['snapshot', 'create', 'gitea']],
    ['an odd kind', [...create, '--kind', 'mixed']],
    ['an odd end', ['snapshot', 'revert', 'gitea', 'clean', '--to', 'sleeping']],
    ['nothing to delete', ['snapshot', 'delete', 'gitea']],
    ['a name for undo', ['snapshot', 'undo', 'gitea', 'clean']],
    ['an unknown verb', ['snapshot', 'rename', 'gitea', 'a']],
  ])('ends with 2 for %s, and starts nothing', async (_what, args) => {
    const run = await waymark(args);
    expect(run).toMatchObject({ code: 2, opened: false, out: '' });
  });

  it('is in the help', async () => {
    const { out } = await waymark(['snapshot', '--help']);
    for (const verb of ['list', 'create', 'revert', 'undo', 'delete']) {
      expect(out).toContain(`snapshot ${verb} <machine>`);
    }
    const one = await waymark(['snapshot', 'create', '--help']);
    for (const option of ['--memory', '--kind', '--description', '--freeze', '--plan']) {
      expect(one.out).toContain(option);
    }
  });
});

describe('what is asked of the engine', () => {
  it.each([
    [create, { kind: 'snapshot-create', name: 'clean', memory: false, storage: 'auto' }],
    [[...create, '--memory', '--kind', 'external'], { memory: true, storage: 'external' }],
    [[...create, '--description', 'T', '--freeze'], { description: 'T', freeze: true }],
    [[...create, '--disk', 'vda', '--disk', 'vdb'], { disks: ['vda', 'vdb'] }],
    [['snapshot', 'revert', 'gitea', 'clean'], { to: 'as-taken', keep: true }],
    [['snapshot', 'revert', 'gitea', 'c', '--to', 'off', '--no-undo'], { to: 'off', keep: false }],
    [['snapshot', 'undo', 'gitea'], { kind: 'revert-undo' }],
    [[...remove, 'b', '--children'], { names: ['clean', 'b'], children: true }],
  ])('is what was typed: %j', async (args, action) => {
    const { engine, planned, started, machine } = scriptedEngine();
    const run = await waymark([...args, '--json'], { engine });
    expect(run.code).toBe(0);
    expect(planned).toEqual([expect.objectContaining(action)]);
    expect(started).toEqual([
      {
        machine: machine.id,
        action: planned[0],
        fingerprint: 'print-1',
        accepted: [],
        typed: null,
      },
    ]);
    expect(json(run)).toEqual({
      action: planned[0],
      summary: 'gitea is changed.',
      undo: null,
      seconds: 1.5,
    });
  });

  it('is of the machine that was meant', async () => {
    expect((await waymark(['snapshot', 'create', 'nope', 'x'])).code).toBe(1);
    const { engine } = scriptedEngine();
    const twin = engine.state.machines.find((one) => one.name === 'gitea')!;
    engine.state.machines.push({ ...twin, id: 'other/1' as typeof twin.id, uuid: 'other' });
    const run = await waymark(create, { engine });
    expect(run.code).toBe(2);
    expect(run.err).toContain(`This computer/gitea (${twin.uuid})`);
  });

  it('ends as the engine says of a name it does not know', async () => {
    const planError = new AppError('snapshot-not-found', 'gitea has no snapshot clean.', {
      advice: 'See waymark snapshot list gitea.',
    });
    const run = await waymark(remove, { engine: scriptedEngine({ planError }).engine });
    expect(run.code).toBe(1);
    expect(run.err).toContain('What to do: See waymark snapshot list gitea.');
  });
});

describe('how it ends', () => {
  it('says how to undo it, as a command', async () => {
    const undo = { kind: 'revert-undo' } as const;
    const { engine } = scriptedEngine({ result: { undo } });
    const run = await waymark(['snapshot', 'revert', 'gitea', 'clean'], { engine });
    expect(run.out).toBe('gitea is changed.\nTo undo it: waymark snapshot undo gitea\n');
    const document = await waymark(['snapshot', 'revert', 'gitea', 'c', '--json'], { engine });
    expect(json(document)['undo']).toEqual(undo);
  });

  it.each([
    ['problems', { kind: 'problems', at: 0, problems: ['The picture is missing.'] }, 4],
    ['cancelled', { kind: 'cancelled', at: 0 }, 130],
    [
      'failed',
      { kind: 'failed', at: 0, error: { code: 'no-space', message: 'Full.', data: {} } },
      1,
    ],
  ] as const)('ends with the code of %s', async (_what, state, code) => {
    const run = await waymark(create, { engine: scriptedEngine({ state }).engine });
    expect(run.code).toBe(code);
    if (code === 4) expect(run.err).toContain('Problem: The picture is missing.');
    expect(run.out !== '').toBe(code === 4);
  });
});

describe('snapshot list', () => {
  const list = ['snapshot', 'list', 'gitea'];
  const column = (out: string) => out.split('\n').map((line) => line.split(/ {2,}(?=\d{4}-)/)[0]);

  it('draws the tree and says where the machine is', async () => {
    const snapshots = [
      snapshot('clean-32', 'base', { current: true, memory: false, memoryBytes: null }),
      snapshot('after-32', 'clean-32'),
      snapshot('bad', 'base', { description: 'first\nsecond' }),
      snapshot('base', null, { broken: 'vda is gone' }),
      snapshot('worse', 'bad', { deleting: true, undoPoint: true }),
      snapshot('alone-now', 'deleted-elsewhere', { kind: 'external' }),
    ];
    const { engine } = scriptedEngine({ timeline: { snapshots } });
    const run = await waymark(list, { engine });
    expect(run).toMatchObject({ code: 0, err: '' });
    expect(column(run.out).slice(1, -1)).toEqual([
      'base',
      '├─ bad',
      '│  └─ worse',
      '└─ clean-32',
      '   ├─ after-32',
      '   └─ ● you are here',
      'alone-now',
    ]);
    expect(run.out).toContain('disks and memory, running');
    expect(run.out).toContain('cannot be gone back to: vda is gone');
    expect(run.out).toContain(' first\n');
    expect(run.out).toContain(
      'its deletion was cut off: delete it again; keeps where it was before',
    );
    expect(json(await waymark([...list, '--json'], { engine }))).toEqual({ snapshots });
  });

  it('stays narrow in a deep chain, and has every one of a thousand', async () => {
    const snapshots = Array.from({ length: 1000 }, (_, n) =>
      snapshot(`s${n}`, n === 0 ? null : `s${n - 1}`, { time: n, current: n === 999 }),
    );
    const { engine } = scriptedEngine({ timeline: { snapshots } });
    const { out } = await waymark(list, { engine });
    const lines = out.trimEnd().split('\n');
    expect(lines).toHaveLength(1002);
    expect(lines[1000]).toMatch(/^\(999 deep\) s999 /);
    expect(lines[1001]).toBe('(1000 deep) ● you are here');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(160);
  });

  it('says it when the machine is at none of them, and when there are none', async () => {
    const some = scriptedEngine({ timeline: { snapshots: [snapshot('a', null)] } });
    expect((await waymark(list, { engine: some.engine })).out).toContain('at none of these');
    expect((await waymark(list, { engine: scriptedEngine().engine })).out).toBe('No snapshots.\n');
  });

  it('offers to undo the newest revert and to shorten a long chain', async () => {
    const merge: MachineAction = { kind: 'snapshot-delete', names: ['a'], children: false };
    const revert = { job: 'j' as never, time: 0, to: 'a', kept: 'b', lostSince: null };
    const { engine } = scriptedEngine({
      timeline: {
        snapshots: [snapshot('a', null)],
        undo: { revert, action: { kind: 'revert-undo' } },
        chainWarning: { target: 'vda', images: 23, merge },
      },
    });
    const { out } = await waymark(list, { engine });
    expect(out).toContain('To undo that: waymark snapshot undo gitea');
    expect(out).toContain('vda is read through 23 images');
    expect(out).toContain('waymark snapshot delete gitea a');
  });

  it('is never a short list that looks whole', async () => {
    const incomplete = { code: 'libvirt-error', message: 'No.', data: {} } as const;
    const none = scriptedEngine({ timeline: { incomplete } });
    const failed = await waymark([...list, '--json'], { engine: none.engine });
    expect(failed.code).toBe(1);
    expect(json(failed)).toMatchObject({ error: { code: 'libvirt-error' } });
    const snapshots = [snapshot('a', null)];
    const part = scriptedEngine({ timeline: { incomplete, snapshots } });
    const run = await waymark([...list, '--json'], { engine: part.engine });
    expect(run.code).toBe(4);
    expect(json(run)).toEqual({ snapshots });
    expect(run.err).toContain('may not be complete');
  });

  it('points at a change of this machine that was cut off', async () => {
    const { machine } = scriptedEngine();
    const { engine } = scriptedEngine({ unfinished: [anUnfinished(machine)] });
    const run = await waymark(list, { engine });
    expect(run.err).toContain('"Revert gitea to clean" was cut off. See waymark change list.');
  });
});
