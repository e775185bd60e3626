/**
 * The plan commands as a person or a timer runs them: processes, each with an engine of its own or
 * by the socket of a service, on the practice machine.
 */
import Database from 'better-sqlite3';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { machineName } from '#engine/practice/machine.ts';
import { whyNoLibvirtd } from './private-libvirtd.ts';

const reason = whyNoLibvirtd();
if (reason !== null) console.log(`skipped: plan commands: ${reason}`);
const program = join(import.meta.dirname, '../../src-main/host/node/main.ts');

const minute = 60_000;

interface Ran {
  readonly code: number | null;
  readonly json: Record<string, unknown>;
  readonly out: string;
  readonly err: string;
}

interface Run {
  readonly cause: string;
  readonly due: number;
  readonly point: string | null;
  readonly state: { readonly kind: string; readonly reason?: string };
}

describe.skipIf(reason !== null)('plan commands', () => {
  let folder: string;
  const children = new Set<ChildProcess>();

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'wm-pc-'));
    await good('practice', 'create');
    await good('repository', 'create', 'attic', join(folder, 'attic'), '--no-encryption');
  });
  afterAll(async () => {
    for (const child of children) await ended(child, 'SIGKILL');
    await waymark('practice', 'remove', '--yes');
    rmSync(folder, { recursive: true, force: true });
  });

  function start(args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [program, ...args, '--data', join(folder, 'data')], {
      env: { ...process.env, XDG_RUNTIME_DIR: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.add(child);
    child.once('exit', () => children.delete(child));
    return child;
  }

  async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
    const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
    child.kill(signal);
    return closed;
  }

  async function waymark(...args: readonly string[]): Promise<Ran> {
    const child = start(args);
    let out = '';
    let err = '';
    child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    const json = args.includes('--json') ? (JSON.parse(out) as Ran['json']) : {};
    return { code, json, out, err };
  }

  /** The document of a command that must end with 0. */
  async function good(...args: readonly string[]): Promise<Ran['json']> {
    const { code, json, out, err } = await waymark(...args, '--json');
    if (code === 0) return json;
    throw new Error(`waymark ${args.join(' ')}: ${String(code)} ${out} ${err}`);
  }

  const runsOf = ({ runs }: Record<string, unknown>): readonly Run[] => runs as readonly Run[];
  const history = async () => runsOf(await good('plan', 'history', 'Hourly'));

  /**
   * As if nothing had run here for a while: an hourly plan made two hours ago that was due half an
   * hour ago, which is too long to call it on time.
   */
  function sleepHalfAnHour(): void {
    const due = Math.floor(Date.now() / minute) * minute - 30 * minute;
    const catalog = new Database(join(folder, 'data/catalog.db'));
    catalog.prepare('UPDATE plans SET created_at = ?, next_due = ?').run(due - 90 * minute, due);
    catalog.close();
  }

  /** A window that is closed now. */
  function hoursAhead(...hours: readonly number[]): string {
    const at = hours.map((hour) => new Date(Date.now() + hour * 60 * minute));
    return at.map((time) => time.toISOString().slice(11, 16)).join('-');
  }

  test('create says what it will do, and refuses what cannot be', async () => {
    const bad = await waymark('plan', 'create', 'Bad', '--to', 'attic', '--cron', '0 0 30 2 *');
    expect([bad.code, bad.out]).toEqual([3, '']);
    const hourly = String(new Date(Date.now() - 30 * minute).getUTCMinutes());
    const made = await waymark(
      ...['plan', 'create', 'Hourly', '--to', 'attic', '--hourly', hourly, '--zone', 'UTC'],
      ...['--keep-last', '1', '--verify', 'data', '--window', hoursAhead(2, 3)],
    );
    expect(made.code).toBe(0);
    expect(made.err).toMatch(/^Nothing runs plans here by itself yet: .+run-due\.\n$/);
    expect(made.out).toMatch(/^Machines: +all, now 1: waymark-practice$/m);
    expect(made.out).toMatch(/^When: +Hourly at minute \d+ UTC$/m);
    expect(made.out).toMatch(/^Next: +(\w{3} \d{4}-\d\d-\d\d \d\d:\d\d \+00:00(; )?){3}$/m);
  });

  test('run-due tells once why a run waits', async () => {
    sleepHalfAnHour();
    const waits = await waymark('plan', 'run-due');
    expect(waits.code).toBe(3);
    expect(waits.out).toMatch(/^Hourly +waymark-practice +attic +Waits .+$/m);
    expect(waits.out).toMatch(/waymark plan run-now \w+$/m);
    expect(await waymark('plan', 'run-due')).toMatchObject({ code: 3, out: '', err: '' });
  });

  test('and begins it once when it need not wait, also when two timers come', async () => {
    await good('plan', 'change', 'Hourly', '--window', 'none');
    const both = await Promise.all([1, 2].map(() => waymark('plan', 'run-due', '--json')));
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    const [run, ...more] = await history();
    expect(more).toEqual([]);
    expect(run).toMatchObject({ cause: 'catch-up', state: { kind: 'done' } });
    const { point } = await good('point', 'show', run?.point ?? '');
    expect(point).toMatchObject({
      machine: { name: machineName },
      verified: { depth: 'data', ok: true },
    });
  });

  describe('while a service runs', () => {
    let service: ChildProcess;
    beforeAll(async () => {
      service = start(['serve', '--background']);
      await new Promise((resolve) => service.stdout?.once('data', resolve));
    });

    test('run asks it, and stays until the point is made and checked', async () => {
      const runs = runsOf(await good('plan', 'run', 'Hourly'));
      expect(runs).toMatchObject([{ cause: 'manual', state: { kind: 'done' } }]);
      expect(runs[0]?.point).not.toBeNull();
    });

    test('preview says what the rule keeps', async () => {
      const { preview } = await good('plan', 'preview', 'Hourly', '--keep-last', '5');
      // --keep-last 1: the run itself removed the older point, which can be taken back.
      expect(preview).toMatchObject({
        machines: [{ name: machineName, now: [{ keep: ['last', 'newest-good'] }] }],
        repositories: [{ repository: { name: 'attic' }, stay: 1, go: 0, freesBytes: 0 }],
      });
    });

    test('remove says how to undo it, and bring-back does', async () => {
      const { removed } = await good('plan', 'remove', 'Hourly', '--yes');
      expect((await good('plan', 'list'))['plans']).toEqual([]);
      const { plan } = await good('plan', 'bring-back', (removed as { id: string }).id);
      expect(plan).toMatchObject({ name: 'Hourly', lastRun: { cause: 'manual' } });
    });

    test('SIGTERM cuts a run off in good order, and the next engine goes on with it', async () => {
      const marker = join(folder, 'hook-ran');
      const hook = ['/bin/sh', '-c', `test -e ${marker} || { touch ${marker}; sleep 60; }`];
      await good('plan', 'change', 'Hourly', '--before-hook', JSON.stringify(hook));
      const following = waymark('plan', 'run', 'Hourly');
      while (!existsSync(marker)) await sleep(50);
      expect(await ended(service, 'SIGTERM')).toBe(0);
      expect(await following).toMatchObject({ code: 1, out: '' });
      const wentOn = runsOf(await good('plan', 'run-due'));
      expect(wentOn).toMatchObject([{ cause: 'continued', state: { kind: 'done' } }]);
      const [newest, cutOff] = await history();
      expect([newest?.cause, cutOff?.state.kind]).toEqual(['continued', 'failed']);
    });
  });
});
