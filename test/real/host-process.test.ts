/** The program itself, as a process: exit codes, one engine for two commands, signals, start. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const node = join(root, 'node_modules/.bin/node');
const main = join(root, 'src-main/host/node/main.ts');

let folder: string;
let data: string;
const running: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'waymark-process-'));
  data = join(folder, 'data');
});
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
  }
  rmSync(folder, { recursive: true });
});

/** No display and no desktop of who runs the tests. */
function environment(): NodeJS.ProcessEnv {
  const { DISPLAY: _display, WAYLAND_DISPLAY: _wayland, ...rest } = process.env;
  return { ...rest, XDG_RUNTIME_DIR: folder, PATH: `${folder}:${rest['PATH'] ?? ''}` };
}

function waymark(...args: readonly string[]): { code: number | null; out: string; err: string } {
  const done = spawnSync(node, [main, '--data', data, ...args], {
    encoding: 'utf8',
    env: environment(),
    timeout: 60_000,
  });
  return { code: done.status, out: done.stdout, err: done.stderr };
}

interface Started {
  readonly child: ChildProcess;
  readonly link: string;
  readonly err: () => string;
  readonly exited: Promise<number | null>;
}

/** Starts a command that serves, and waits for its link. */
async function serve(...args: readonly string[]): Promise<Started> {
  const child = spawn(node, [main, '--data', data, ...args], {
    env: environment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  let err = '';
  child.stderr.on('data', (part) => (err += String(part)));
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const link = await new Promise<string>((resolve, reject) => {
    let out = '';
    child.stdout.on('data', (part) => {
      out += String(part);
      if (out.includes('\n')) resolve(out.split('\n')[0] ?? '');
    });
    void exited.then((code) => {
      reject(new Error(`It ended with ${String(code)}: ${err}`));
    });
  });
  return { child, link, err: () => err, exited };
}

/** How many TCP sockets of IPv4 a process has that are bound; a listening one is among them. */
function listening({ pid }: ChildProcess): number {
  const fds = `/proc/${String(pid)}/fd`;
  const links = readdirSync(fds).map((fd) => readlinkSync(join(fds, fd)));
  const mine = new Set(links.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]));
  const rows = readFileSync(`/proc/${String(pid)}/net/tcp`, 'utf8')
    .trim()
    .split('\n')
    .slice(1);
  return rows.filter((row) => mine.has(row.trim().split(/\s+/)[9])).length;
}

describe('the program', () => {
  it('keeps its data private and its exit codes', () => {
    expect(waymark('host', 'list', '--json')).toEqual({ code: 0, out: '{"hosts":[]}\n', err: '' });
    expect(statSync(data).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(data)) {
      expect([name, statSync(join(data, name)).mode & 0o077]).toEqual([name, 0]);
    }
    expect(waymark('machine', 'show', 'nope').code).toBe(1);
    expect(waymark('explode').code).toBe(2);
  });

  it('is one engine for a window and commands, and free again after kill -9', async () => {
    const first = await serve('serve', '--no-open', '--demo');
    first.child.kill('SIGINT');
    expect(await first.exited).toBe(0);

    const owner = await serve('serve', '--no-open');
    const command = waymark('host', 'list', '--json');
    expect(command).toMatchObject({ code: 0, out: '{"hosts":[]}\n' });
    expect(statSync(join(data, 'engine.sock')).mode & 0o777).toBe(0o600);

    owner.child.kill('SIGKILL');
    await owner.exited;
    expect(waymark('host', 'list').code).toBe(0); // its dead socket is no hindrance
  });

  it('runs plans without an interface, and ends in good order at SIGTERM', async () => {
    const shown = join(folder, 'shown');
    const script = `#!/bin/sh\nprintf '%s\\n' "$@" > ${shown}.part && mv ${shown}.part ${shown}\n`;
    writeFileSync(join(folder, 'notify-send'), script, { mode: 0o755 });
    const service = await serve('serve', '--background');
    expect(service.link).toBe('Waymark runs plans. It ends at SIGTERM.');
    expect(waymark('host', 'list', '--json').code).toBe(0); // by its socket
    expect(waymark('news', 'test', 'desktop').code).toBe(0);
    await expect.poll(() => existsSync(shown), { timeout: 5_000 }).toBe(true);
    expect(readFileSync(shown, 'utf8')).toMatch(/^--app-name=Waymark\n[^]*\n--\n.+\n.+\n$/);
    rmSync(shown);
    const window = await serve('serve', '--no-open'); // of the same engine
    expect(waymark('news', 'test', 'desktop').code).toBe(0); // the window shows it
    expect(existsSync(shown)).toBe(false);
    expect([listening(service.child), listening(window.child)]).toEqual([0, 1]);
    service.child.kill('SIGTERM');
    expect(await service.exited).toBe(0);
    expect(waymark('serve', '--background', '--port', '1').code).toBe(2);
  });

  it('lets two commands at once take turns', async () => {
    const both = await Promise.all(
      [1, 2].map(
        () =>
          new Promise<number | null>((resolve) => {
            const child = spawn(node, [main, '--data', data, 'repository', 'list'], {
              env: environment(),
              stdio: 'ignore',
            });
            running.push(child);
            child.once('exit', resolve);
          }),
      ),
    );
    expect(both).toEqual([0, 0]);
  });

  it('says in one line why there is no desktop window, and prints the link', async () => {
    const started = await serve('start', '--no-open');
    expect(started.link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{43}$/);
    // Where a source is newer than the build, one more line says that it is built again.
    const lines = started.err().trimEnd().split('\n');
    const why = lines.filter((line) => !line.startsWith('Building the interface'));
    expect(why).toEqual([expect.stringMatching(/^No desktop window: .+\.$/)]);
    const page = await fetch(new URL('/', started.link));
    expect(page.status).toBe(200);
    started.child.kill('SIGTERM');
    expect(await started.exited).toBe(0);
  });

  it('shows nothing of its token to other users: not in arguments, not in its log', async () => {
    const started = await serve('serve', '--no-open');
    const token = new URL(started.link).hash.slice('#token='.length);
    const shown = readFileSync(`/proc/${String(started.child.pid)}/cmdline`, 'utf8');
    expect(shown).not.toContain(token);
    const kept = readdirSync(data).filter((name) => statSync(join(data, name)).isFile());
    for (const name of kept) expect(readFileSync(join(data, name), 'latin1')).not.toContain(token);
    started.child.kill('SIGINT');
    await started.exited;
  });
});
