import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFakeEngine } from '../../../fakes/handlers.ts';
import { waymark } from '../../../fakes/terminal-run.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'waymark-cli-'));
  writeFileSync(join(folder, 'password'), 'correct horse\n');
  writeFileSync(join(folder, 'wrong'), 'wrong\n');
  writeFileSync(join(folder, 'empty'), '\n');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const file = (name: string) => join(folder, name);

/** The one JSON document on stdout. */
function json(run: { readonly out: string }): Record<string, unknown> {
  expect(run.out.trimEnd().split('\n')).toHaveLength(1);
  return JSON.parse(run.out) as Record<string, unknown>;
}

describe('usage', () => {
  it.each([
    ['no command', []],
    ['an unknown one', ['explode']],
    ['an unknown verb', ['machine', 'explode']],
    ['an unknown option', ['machine', 'list', '--explode']],
    ['a missing operand', ['machine', 'show']],
    ['one too many', ['host', 'list', 'here']],
    ['an option without its value', ['backup', 'gitea', '--to']],
    ['a backup to nowhere', ['backup', 'gitea']],
    ['a restore of nothing', ['restore', 'gitea-0']],
    ['a restore of both', ['restore', 'gitea-0', '--disk', 'vda', '--image', 'x', '--as', 'y']],
    ['a disk without an image', ['restore', 'gitea-0', '--disk', 'vda']],
    ['an odd format', ['restore', 'g', '--disk', 'vda', '--image', 'x', '--format', 'vmdk']],
    ['--start of an image', ['restore', 'g', '--disk', 'vda', '--image', 'x', '--start']],
    ['a repository without a password', ['repository', 'create', 'r', '/srv/r']],
    ['an odd port', ['serve', '--port', '99999']],
  ])('ends with 2 for %s, and starts nothing', async (_what, args) => {
    const run = await waymark(args);
    expect(run.code).toBe(2);
    expect(run.opened).toBe(false);
    expect(run.out).toBe('');
    expect(run.err).toMatch(/^waymark: .+\n/);
  });

  it.each(['repository repair attic', 'point diff a b', 'restore gitea-0 --replace gitea'])(
    'ends with 2 for %s, which comes later',
    async (line) => {
      const run = await waymark(line.split(' '));
      expect(run.code).toBe(2);
      expect(run.err).toContain('not in this version yet');
      expect(run.opened).toBe(false);
    },
  );

  it('explains itself without an engine', async () => {
    const all = await waymark(['--help']);
    expect(all).toMatchObject({ code: 0, err: '', opened: false });
    for (const name of ['host add', 'repository create', 'restore <point>', 'practice create']) {
      expect(all.out).toContain(name);
    }
    const one = await waymark(['backup', '--help']);
    expect(one.out).toContain('--exclude TARGET');
    const noun = await waymark(['repository', '--help']);
    expect(noun.out).toContain('repository verify');
    expect(noun.out).not.toContain('machine list');
    expect((await waymark(['--version'])).out).toBe('waymark 9.9.9\n');
  });

  it('with --json, puts errors on stdout as the one document', async () => {
    const run = await waymark(['machine', 'show', 'nope', '--json']);
    expect(run.code).toBe(1);
    expect(json(run)).toMatchObject({ error: { code: 'machine-not-found', data: {} } });
    expect(run.err).toBe('');
  });
});

describe('names', () => {
  it('finds a machine by name, uuid and host/name', async () => {
    const engine = createFakeEngine();
    const { uuid, id } = engine.state.machines.find((machine) => machine.name === 'mail')!;
    for (const wanted of ['mail', uuid, uuid.toUpperCase(), 'rack/mail', id]) {
      const run = await waymark(['machine', 'show', wanted, '--json'], { engine });
      expect(json(run)).toMatchObject({ machine: { uuid } });
    }
  });

  it('asks which one, with the candidates, when a name is on two hosts', async () => {
    const engine = createFakeEngine();
    const twin = engine.state.machines.find((machine) => machine.name === 'grafana')!;
    engine.state.machines.push({
      ...twin,
      id: 'host-here/other' as typeof twin.id,
      uuid: '7b0c5d1e-0000-4000-8000-00000000ffff',
      host: { ...twin.host, id: 'host-here' as typeof twin.host.id, name: 'This computer' },
    });
    const run = await waymark(['machine', 'show', 'grafana'], { engine });
    expect(run.code).toBe(2);
    expect(run.err).toContain(`rack/grafana (${twin.uuid})`);
    expect(run.err).toContain('This computer/grafana (7b0c5d1e-0000-4000-8000-00000000ffff)');
    const one = await waymark(['machine', 'show', 'rack/grafana', '--json'], { engine });
    expect(json(one)).toMatchObject({ machine: { uuid: twin.uuid } });
  });

  it('finds a point by a unique beginning of its id, and says when it is not unique', async () => {
    const exact = await waymark(['point', 'show', 'GITEA-10', '--json']);
    expect(json(exact)).toMatchObject({ point: { id: 'gitea-10' } });
    const more = await waymark(['point', 'show', 'gitea-', '--json']);
    expect(more.code).toBe(2);
    expect(json(more)).toMatchObject({ error: { code: 'invalid-input' } });
    expect((await waymark(['point', 'show', 'nope'])).code).toBe(1);
  });
});

describe('machine list', () => {
  it('has the documented JSON', async () => {
    const { machines } = json(await waymark(['machine', 'list', '--host', 'rack', '--json'])) as {
      machines: Record<string, unknown>[];
    };
    expect(machines).toHaveLength(6);
    expect(machines[0]).toMatchObject({ name: 'mail', state: 'running', host: { name: 'rack' } });
    expect((machines[0]!['disks'] as unknown[])[0]).toMatchObject({
      target: 'vda',
      sizeBytes: 40 * 1024 ** 3,
      format: 'qcow2',
    });
  });

  it('is an aligned table for people, and no name can steer their terminal', async () => {
    const engine = createFakeEngine();
    const [first] = engine.state.machines;
    engine.state.machines = [{ ...first!, name: 'evil\u001B[2J\u202Ename' }];
    const run = await waymark(['machine', 'list'], { engine });
    const [head, row] = run.out.split('\n');
    expect(head).toMatch(/^PROTECTION {2}NAME +HOST/);
    expect(row!.indexOf('rack')).toBe(head!.indexOf('HOST'));
    for (const steering of ['\u001B', '\u202E']) expect(run.out).not.toContain(steering);
  });
});

describe('backup', () => {
  it('ends with 0 and the point it made', async () => {
    const run = await waymark(['backup', 'gitea', '--to', 'attic', '--json']);
    expect(run.code).toBe(0);
    expect(json(run)).toMatchObject({
      point: {
        machine: { name: 'gitea' },
        repository: { name: 'attic' },
        disks: [{ target: 'vda', mode: 'changed-only' }],
        skipped: [],
      },
      seconds: 0.05,
    });
    for (const line of run.err.trimEnd().split('\n')) expect(JSON.parse(line)).toBeTypeOf('object');
  });

  it('leaves out what is excluded, and refuses a disk the machine has not', async () => {
    const run = await waymark('backup nextcloud --to attic --exclude vdb --json'.split(' '));
    expect(json(run)).toMatchObject({
      point: { disks: [{ target: 'vda' }], skipped: [{ target: 'vdb', reason: 'excluded' }] },
    });
    expect((await waymark('backup gitea --to attic --exclude vdx'.split(' '))).code).toBe(2);
  });

  it('ends with 1 when it fails: what happened, what is unharmed, what to do', async () => {
    const run = await waymark(['backup', 'mail', '--to', 'attic']);
    expect(run.code).toBe(1);
    expect(run.err).toContain('waymark: The scratch folder on rack is full.\n');
    expect(run.err).toContain('Unharmed: The machine and its 11 points are unharmed.\n');
    expect(run.err).toContain('What to do: Free at least 8 GiB there, then back up again.\n');
    expect(run.out).toBe('');
  });

  it('ends with 3 when the pre-flight refuses, before anything starts', async () => {
    const engine = createFakeEngine({ secondsPerJob: 0.05 });
    const run = await waymark(['backup', 'win11-tax', '--to', 'attic', '--json'], { engine });
    expect(run.code).toBe(3);
    expect(json(run)).toMatchObject({ error: { code: 'refused', data: { checks: [{}] } } });
    expect(await engine.handlers['jobs.list']({ all: true })).toEqual([]);
  });

  it('ends with 4 when it finished with problems, and names them', async () => {
    const run = await waymark(['backup', 'jenkins', '--to', 'attic']);
    expect(run.code).toBe(4);
    expect(run.err).toContain('The guest agent did not thaw within 10 s.');
    expect(run.out).toContain('Restore point');
  });

  it('cancels the job at Ctrl+C and ends with 130', async () => {
    const engine = createFakeEngine({ secondsPerJob: 30 });
    const control = new AbortController();
    const started = waymark(['backup', 'gitea', '--to', 'attic', '--json'], {
      engine,
      signal: control.signal,
    });
    await expect
      .poll(async () => (await engine.handlers['jobs.list']({ all: false })).length)
      .toBe(1);
    control.abort();
    const run = await started;
    expect(run.code).toBe(130);
    expect(json(run)).toMatchObject({ error: { code: 'cancelled' } });
    const [job] = await engine.handlers['jobs.list']({ all: true });
    expect(job!.state.kind).toBe('cancelled');
    await engine.stop();
  });

  it('rewrites one progress line on a terminal, never wider than it', async () => {
    const engine = createFakeEngine({ secondsPerJob: 1 });
    const run = await waymark(['backup', 'gitea', '--to', 'attic'], { engine, columns: 40 });
    const lines = run.err.split('\r\u001B[K').slice(1); // before the first: the warnings
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.length).toBeLessThanOrEqual(6); // four a second at most
    for (const line of lines.slice(0, -1)) expect(line.length).toBeLessThan(40);
  });
});

describe('repository', () => {
  it('is created with a password from a file or stdin, and shows its code once', async () => {
    const create = ['repository', 'create', 'new', '/srv/new', '--json', '--password-file'];
    const run = await waymark([...create, file('password')]);
    expect(json(run)).toMatchObject({ repository: { name: 'new', encrypted: true } });
    expect(json(run)['recoveryCode']).toMatch(/^[\w-]+$/);
    expect((await waymark([...create, '-'], { stdin: 'typed\n' })).code).toBe(0);
    expect((await waymark([...create, '-'], { stdin: 'wrong\n' })).code).toBe(1);
    expect((await waymark([...create, file('empty')])).code).toBe(2);
    expect((await waymark([...create, file('missing')])).code).toBe(1);
  });

  it('writes its code to a new private file, never over one, not to the screen', async () => {
    const path = file('recovery');
    const args = ['repository', 'create', 'n', '/srv/n', '--password-file', file('password')];
    const run = await waymark([...args, '--recovery-file', path, '--json']);
    expect(run.code).toBe(0);
    expect(json(run)['recoveryCode']).toBeNull();
    const text = readFileSync(path, 'utf8');
    expect(text).toContain('K7QD-93MB');
    expect(run.out).not.toContain('K7QD-93MB');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const again = await waymark([...args, '--recovery-file', path]);
    expect(again.code).toBe(1);
    expect(again.err).toContain('is there already');
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it('leaves no empty code file behind when it cannot be created', async () => {
    const path = file('unused');
    const args = ['repository', 'create', 'attic', '/srv/n', '--password-file', file('password')];
    const run = await waymark([...args, '--recovery-file', path]);
    expect(run.code).toBe(1);
    expect(() => statSync(path)).toThrow();
  });

  it('asks twice at a terminal, and refuses two different answers', async () => {
    const args = ['repository', 'create', 'new', '/srv/new'];
    expect((await waymark(args, { secrets: ['one', 'one'] })).code).toBe(0);
    expect((await waymark(args, { secrets: ['one', 'two'] })).code).toBe(2);
  });

  it('says where the key is', async () => {
    const args = ['repository', 'create', 'new', '/srv/new', '--password-file', file('password')];
    expect((await waymark(args)).out).toContain('remembered in a file only you can read');
    expect((await waymark([...args, '--ask-every-time'])).out).toContain('is not remembered');
    const open = await waymark(['repository', 'create', 'n', '/srv/n', '--no-encryption']);
    expect(open.out).toContain('It is not encrypted');
  });

  it('that is locked opens with --password-file on any command, and says so without', async () => {
    const engine = createFakeEngine({ secondsPerJob: 0.05 });
    const lock = () => {
      const [attic, ...rest] = engine.state.repositories;
      engine.state.repositories = [{ ...attic!, state: { kind: 'locked' } }, ...rest];
    };
    lock();
    const without = await waymark(['backup', 'gitea', '--to', 'attic'], { engine });
    expect(without.code).toBe(1);
    expect(without.err).toContain('Add --password-file FILE');
    for (const command of ['backup gitea --to attic', 'repository verify attic', 'point list']) {
      lock();
      const args = [...command.split(' '), '--password-file', file('password')];
      expect((await waymark(args, { engine })).code).toBe(0);
      expect(engine.state.repositories[0]!.state.kind).toBe('ready');
      lock();
      const wrong = [...command.split(' '), '--password-file', file('wrong'), '--json'];
      expect(json(await waymark(wrong, { engine }))).toMatchObject({
        error: { code: 'wrong-password' },
      });
    }
  });

  it('is verified with a report', async () => {
    const run = await waymark(['repository', 'verify', 'attic', '--read-data', '--json']);
    expect(json(run)).toMatchObject({ report: { damage: [] } });
    expect(run.code).toBe(0);
  });
});

describe('destructive steps', () => {
  it('are refused with 3 without --yes and without a terminal', async () => {
    const engine = createFakeEngine({ secondsPerJob: 0.05 });
    const before = engine.state.points.length;
    const run = await waymark(['point', 'delete', 'gitea-3'], { engine });
    expect(run.code).toBe(3);
    expect(run.err).toContain('--yes');
    expect(engine.state.points).toHaveLength(before);
    expect((await waymark(['point', 'delete', 'gitea-3'], { engine, confirm: false })).code).toBe(
      3,
    );
    expect(engine.state.points).toHaveLength(before);
    expect((await waymark(['point', 'delete', 'gitea-3'], { engine, confirm: true })).code).toBe(0);
    const two = ['point', 'delete', 'gitea-2', 'gitea-1', '--yes', '--json'];
    expect(json(await waymark(two, { engine }))).toEqual({ deleted: ['gitea-2', 'gitea-1'] });
    expect(engine.state.points).toHaveLength(before - 3);
  });

  it('forgetting a repository is none: its folder stays', async () => {
    const run = await waymark(['repository', 'remove', 'attic']);
    expect(run.code).toBe(0);
    expect(run.out).toContain('is as it was');
  });
});

describe('restore', () => {
  it('writes a disk to an image and says what was checked', async () => {
    const args = ['restore', 'gitea-0', '--disk', 'vda', '--image', '/srv/gitea.qcow2', '--json'];
    expect(json(await waymark(args))).toMatchObject({
      restored: [{ target: 'vda', path: '/srv/gitea.qcow2', format: 'qcow2' }],
      verified: true,
      seconds: 0.05,
    });
  });

  it('makes a new machine, and never over one that is there', async () => {
    const engine = createFakeEngine({ secondsPerJob: 0.05 });
    const args = ['restore', 'gitea-0', '--as', 'gitea back', '--folder', '/srv/vm', '--json'];
    expect(json(await waymark(args, { engine }))).toMatchObject({
      machine: { name: 'gitea back' },
      restored: [{ path: '/srv/vm/gitea back-vda.qcow2' }],
    });
    const made = engine.state.machines.find((machine) => machine.name === 'gitea back');
    expect(made).toMatchObject({ state: 'off', host: { name: 'This computer' } });
    const again = await waymark(args, { engine });
    expect(again.code).toBe(1);
    expect(json(again)).toMatchObject({ error: { code: 'name-taken' } });
  });
});

describe('other commands', () => {
  it('adds, lists and forgets a host', async () => {
    const engine = createFakeEngine({ state: 'first-run' });
    expect((await waymark(['host', 'list'], { engine })).out).toContain('No hosts yet');
    const add = await waymark(['host', 'add', 'here', 'qemu:///system', '--json'], { engine });
    expect(json(add)).toMatchObject({ host: { name: 'here', state: { kind: 'connected' } } });
    expect((await waymark(['host', 'remove', 'here'], { engine })).code).toBe(0);
    const bad = await waymark(['host', 'add', 'x', 'qemu+ssh://nowhere/system'], { engine });
    expect(bad.code).toBe(1);
    expect(bad.err).toContain('What to do: ssh');
  });

  it('creates the practice machine with its repository', async () => {
    const run = await waymark(['practice', 'create', '--json']);
    expect(json(run)).toMatchObject({ practice: { kind: 'present', running: true } });
    expect((await waymark(['practice', 'stop'])).code).toBe(1); // there is none
  });

  it('shows jobs that run and those that ended', async () => {
    const engine = createFakeEngine({ secondsPerJob: 30 });
    await engine.handlers['practice.create']({ repository: false });
    const list = json(await waymark(['job', 'list', '--json'], { engine }));
    expect(list['jobs']).toHaveLength(1);
    expect(list).not.toHaveProperty('runs');
    const all = json(await waymark(['job', 'list', '--all', '--json'], { engine }));
    expect(all['runs']).toHaveLength(100);
    const old = json(await waymark(['job', 'show', 'run-gitea-0', '--json'], { engine }));
    expect(old).toMatchObject({ job: { outcome: { kind: 'done' } } });
    const cancelled = json(await waymark(['job', 'cancel', 'job-1', '--json'], { engine }));
    expect(cancelled).toMatchObject({ job: { state: { kind: 'cancelling' } } });
    expect((await waymark(['job', 'show', 'nope'], { engine })).code).toBe(1);
    await engine.stop();
  });
});
