import { describe, expect, it } from 'vitest';
import type { MachineAction } from '#contract/actions.ts';
import { AppError } from '#contract/errors.ts';
import { aPlan, anUnfinished, scriptedEngine } from '../../../fakes/scripted-actions.ts';
import { waymark, type RunOptions } from '../../../fakes/terminal-run.ts';

const create = ['snapshot', 'create', 'gitea', 'clean'];
const remove = ['snapshot', 'delete', 'gitea', 'clean'];

/** The one JSON document on stdout. */
function json(run: { readonly out: string }): Record<string, unknown> {
  expect(run.out.trimEnd().split('\n')).toHaveLength(1);
  return JSON.parse(run.out) as Record<string, unknown>;
}

describe('the plan', () => {
  const steps = [
    {
      title: 'Remove the checkpoint of attic',
      detail: 'It was made by Waymark',
      bytes: 0,
      seconds: 0,
      downtimeSeconds: 0,
      undo: 'Not needed',
      runs: true,
    },
    {
      title: 'Take the snapshot',
      detail: '',
      bytes: 512 * 1024 ** 2,
      seconds: 12,
      downtimeSeconds: 8,
      undo: 'Delete it',
      runs: true,
    },
    {
      title: 'The next backup to attic reads everything again',
      detail: 'Only what differs is stored.',
      bytes: 4 * 1024 ** 3,
      seconds: 40,
      downtimeSeconds: 0,
      undo: '',
      runs: false,
    },
  ];
  const plan = {
    verdict: 'allowed-after',
    reasons: [{ id: 'r', title: 'A checkpoint stands in the way', detail: 'It goes first.' }],
    steps,
    checks: [{ id: 'deep', level: 'warning', title: 'A deep chain', detail: '21 images' }],
    costs: {
      bytes: 512 * 1024 ** 2,
      freeBytes: 1024 ** 3,
      seconds: 12,
      downtimeSeconds: 8,
      rereads: ['attic'],
    },
    storage: {
      chosen: 'internal',
      why: 'All disks are qcow2.',
      other: { allowed: false, why: 'Internal ones exist.' },
    },
    commands: ['virsh snapshot-create gitea clean.xml'],
  } as const;

  it('is all that --plan does', async () => {
    const { engine, started, machine } = scriptedEngine({ plan });
    const run = await waymark([...create, '--plan'], { engine });
    expect(run).toMatchObject({ code: 0, err: '' });
    expect(started).toEqual([]);
    const lines = run.out.split('\n');
    for (const line of [
      '  - A checkpoint stands in the way: It goes first.',
      '  1. Remove the checkpoint of attic',
      '     It was made by Waymark',
      '  2. Take the snapshot (512.0 MiB, about 12 s, it does not run for 8.0 s of that)',
      '     Undo: Delete it',
      '  - The next backup to attic reads everything again (4.0 GiB, about 40 s): Only what ' +
        'differs is stored.',
      '  - A deep chain: 21 images',
      'Kind:     internal. All disks are qcow2.',
      '          Not external: Internal ones exist.',
      'Space:    512.0 MiB of 1.0 GiB that are free',
      'Downtime: about 8.0 s',
      'Undo:     Delete the snapshot.',
      'Stays:    All restore points stay.',
      '  virsh snapshot-create gitea clean.xml',
    ]) {
      expect(lines).toContain(line);
    }
    const document = json(await waymark([...create, '--plan', '--json'], { engine }));
    const action = { kind: 'snapshot-create', name: 'clean' };
    const shown = aPlan(machine, { kind: 'revert-undo' }, plan);
    expect(document).toEqual({ plan: { ...shown, action: expect.objectContaining(action) } });
    expect(started).toEqual([]);
  });

  it('never steers a terminal', async () => {
    const evil = { ...plan, title: 'evil\u001B[2J', summary: 'x\u202Ey', commands: ['\u009Bm'] };
    const { engine } = scriptedEngine({
      plan: { ...evil, tier: 2 },
      result: { summary: '\u001B' },
    });
    const dry = await waymark([...create, '--plan'], { engine });
    const run = await waymark(create, { engine, confirm: true });
    for (const steering of ['\u001B', '\u202E', '\u009B']) {
      expect(dry.out + run.out + run.err).not.toContain(steering);
    }
  });

  it('is shown before it runs when something has to be done first', async () => {
    const run = await waymark(create, { engine: scriptedEngine({ plan }).engine });
    expect(run.code).toBe(0);
    expect(run.err).toContain('First:\n  - A checkpoint stands in the way');
    expect(run.err.match(/A deep chain/g)).toHaveLength(1);
  });
});

describe('a refused plan', () => {
  const memory: MachineAction = {
    kind: 'snapshot-create',
    name: 'clean',
    description: '',
    memory: true,
    storage: 'auto',
    freeze: false,
    disks: null,
  };
  const plan = {
    verdict: 'refused',
    reasons: [{ id: 'raw', title: 'vdb is raw', detail: 'It cannot hold a snapshot.' }],
    alternatives: [{ title: 'Take it with memory', action: memory }],
    checks: [
      { id: 'raw', level: 'blocker', title: 'vdb is raw', detail: 'It cannot.' },
      { id: 'full', level: 'blocker', title: 'No space', detail: '1 GiB is missing.' },
    ],
  } as const;

  it('ends with 3, the reason, and the command that gets there', async () => {
    const { engine, started } = scriptedEngine({ plan });
    const run = await waymark([...create, '--yes'], { engine });
    expect(run).toMatchObject({ code: 3, out: '' });
    expect(run.err).toBe(
      [
        'waymark: vdb is raw',
        '  - vdb is raw: It cannot hold a snapshot.',
        '  - No space: 1 GiB is missing.',
        'Unharmed: Nothing was touched.',
        'What to do: Take it with memory: waymark snapshot create gitea clean --memory',
        '',
      ].join('\n'),
    );
    expect(json(await waymark([...create, '--json'], { engine }))).toMatchObject({
      error: {
        code: 'refused',
        data: {
          reasons: ['vdb is raw: It cannot hold a snapshot.', 'No space: 1 GiB is missing.'],
          alternatives: [{ command: 'waymark snapshot create gitea clean --memory' }],
        },
      },
    });
    expect(started).toEqual([]);
  });

  it('is a document like any other with --plan, and ends with 3', async () => {
    const { engine } = scriptedEngine({ plan });
    const run = await waymark([...create, '--plan', '--json'], { engine });
    expect(run.code).toBe(3);
    expect(json(run)).toMatchObject({ plan: { verdict: 'refused', reasons: [{ id: 'raw' }] } });
    const words = await waymark([...create, '--plan'], { engine });
    expect(words.out).toContain('Refused.');
    expect(words.out).toContain('Take it with memory: waymark snapshot create');
    expect(words.out).not.toContain('Undo:');
  });

  it('names the ways out of a change that was cut off', async () => {
    const { machine } = scriptedEngine();
    const { engine } = scriptedEngine({
      plan: { ...plan, alternatives: [] },
      unfinished: [
        anUnfinished(machine),
        anUnfinished({ ...machine, id: 'host/other' as typeof machine.id }),
      ],
    });
    const run = await waymark(create, { engine });
    expect(run.code).toBe(3);
    expect(run.err.match(/waymark change finish 01CUTOFF1/g)).toHaveLength(1);
    expect(run.err.match(/waymark change undo 01CUTOFF1/g)).toHaveLength(1);
  });

  it('ends with 3 too where the engine sees the cut-off change itself', async () => {
    const planError = new AppError('change-unfinished', 'A change of gitea was cut off.');
    expect((await waymark(create, { engine: scriptedEngine({ planError }).engine })).code).toBe(3);
  });
});

describe('confirmations', () => {
  const bounded = {
    tier: 2,
    title: 'Delete clean',
    lost: ['clean, 3.0 GiB', 'Its memory'],
  } as const;
  const large = { tier: 3, confirm: 'gitea', title: 'Revert', lost: ['All since'] } as const;
  const tick = {
    checks: [
      { id: 'tick', level: 'warning', title: 'Foreign', detail: 'Not ours', accept: 'Delete it' },
    ],
  } as const;

  it.each([
    ['tier 2 without anybody', bounded, {}, 3],
    ['tier 2 with a no', bounded, { confirm: false }, 3],
    ['tier 2 with a yes', bounded, { confirm: true }, 0],
    ['tier 3 without anybody', large, {}, 3],
    ['tier 3 with only a yes', large, { confirm: true }, 3],
    ['tier 3 with another name', large, { line: 'gite' }, 3],
    ['tier 3 with the name', large, { line: ' gitea ' }, 0],
    ['a tick without anybody', tick, {}, 3],
    ['a tick with a no', tick, { confirm: false }, 3],
    ['a tick with a yes', tick, { confirm: true }, 0],
  ] as const)('%s', async (_what, plan, person: RunOptions, code) => {
    const { engine, started } = scriptedEngine({ plan });
    const run = await waymark(remove, { engine, ...person });
    expect(run.code).toBe(code);
    expect(started).toHaveLength(code === 0 ? 1 : 0);
    if (code === 3 && Object.keys(person).length === 0) expect(run.err).toContain('Add --yes');
  });

  it.each([
    ['tier 2', bounded, { accepted: [], typed: null }],
    ['tier 3', large, { accepted: [], typed: 'gitea' }],
    ['a tick', tick, { accepted: ['tick'], typed: null }],
  ] as const)('--yes answers %s, with --json too', async (_what, plan, given) => {
    const { engine, started } = scriptedEngine({ plan });
    const refused = await waymark([...remove, '--json'], { engine, line: 'gitea', confirm: true });
    expect(refused.code).toBe(3); // a program reads: nobody is asked
    const run = await waymark([...remove, '--json', '--yes'], { engine });
    expect(run.code).toBe(0);
    expect(json(run)).toMatchObject({ summary: 'gitea is changed.' });
    expect(started).toEqual([expect.objectContaining(given)]);
  });

  it('says what is lost in the question itself', async () => {
    const { engine } = scriptedEngine({ plan: large });
    const run = await waymark(remove, { engine, line: 'gitea' });
    expect(run.err).toContain('Lost for good:\n  - All since\n');
    expect(run.err).toContain(
      'Revert? Lost for good: All since. Delete the snapshot.\nType gitea to confirm: ',
    );
    const alone = await waymark(remove, { engine: scriptedEngine({ plan: bounded }).engine });
    expect(alone.err).toContain('Delete clean? Lost for good: clean, 3.0 GiB; Its memory.');
  });
});
