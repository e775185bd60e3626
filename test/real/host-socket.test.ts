/** The owner's socket between real ends: several commands, one engine, nobody else. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient } from '#contract/client.ts';
import { AppError } from '#contract/errors.ts';
import { desktopHandlers, noDesktop } from '../../src-main/host/desktop.ts';
import { createDispatcher, inProcess } from '../../src-main/host/dispatcher.ts';
import { connectToOwner } from '../../src-main/host/owner/connection.ts';
import { pointerPath } from '../../src-main/host/owner/folders.ts';
import { lastingSession } from '../../src-main/host/owner/lasting.ts';
import { openSession, type RunningEngine } from '../../src-main/host/owner/session.ts';
import { openOwnerSocket } from '../../src-main/host/owner/socket.ts';
import { createFakeEngine, type FakeEngine } from '../fakes/handlers.ts';
import { transportSuite } from '../suites/transport.ts';

let folder: string;
let dataFolder: string;
let runtimeFolder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'waymark-socket-'));
  dataFolder = join(folder, 'data');
  runtimeFolder = join(folder, 'run');
  mkdirSync(dataFolder);
  mkdirSync(runtimeFolder);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function own(engine: FakeEngine, report: (thrown: unknown) => void = () => undefined) {
  const log = (_message: string, thrown: unknown) => {
    report(thrown);
    return 'log-1';
  };
  const dispatcher = createDispatcher(engine, desktopHandlers(noDesktop), log);
  return openOwnerSocket({
    dataFolder,
    runtimeFolder,
    transport: inProcess(dispatcher),
    settled: () => Promise.resolve(),
    report: log,
  });
}

transportSuite("the owner's socket", async (engine, report) => {
  const socket = await own(engine, report);
  const connection = await connectToOwner(dataFolder, runtimeFolder, 'command');
  return {
    transport: connection!.transport,
    close: async () => {
      connection!.close();
      await socket.close();
    },
  };
});

describe('owner socket', () => {
  it('is only for this user, and gone when it closes', async () => {
    const socket = await own(createFakeEngine());
    expect(socket.path).toBe(join(dataFolder, 'engine.sock'));
    expect(statSync(socket.path).mode & 0o777).toBe(0o600);
    await socket.close();
    expect(existsSync(socket.path)).toBe(false);
    expect(await connectToOwner(dataFolder, runtimeFolder, 'command')).toBeNull();
  });

  it('replaces the dead socket of an owner that was killed', async () => {
    // A listener that vanishes without unlinking leaves exactly this behind.
    const path = join(dataFolder, 'engine.sock');
    writeFileSync(path, '');
    expect(await connectToOwner(dataFolder, runtimeFolder, 'command')).toBeNull();
    const socket = await own(createFakeEngine());
    const connection = await connectToOwner(dataFolder, runtimeFolder, 'command');
    expect(await connection!.transport.invoke('hosts.list', {})).toMatchObject({ ok: true });
    connection!.close();
    await socket.close();
  });

  it('moves to the runtime folder when its path is too long, with a pointer', async () => {
    dataFolder = join(folder, 'd'.repeat(100));
    mkdirSync(dataFolder);
    const socket = await own(createFakeEngine());
    expect(socket.path.startsWith(runtimeFolder)).toBe(true);
    expect(statSync(pointerPath(dataFolder)).mode & 0o777).toBe(0o600);
    const connection = await connectToOwner(dataFolder, runtimeFolder, 'command');
    expect(connection).not.toBeNull();
    connection!.close();
    await socket.close();
    expect(existsSync(pointerPath(dataFolder))).toBe(false);
  });

  it('drops whoever speaks something else, and serves on', async () => {
    const socket = await own(createFakeEngine());
    for (const noise of ['GET / HTTP/1.1\r\n\r\n', '\0\0\0\u0003abc', '\xFF\xFF\xFF\xFF']) {
      const stranger = connect(socket.path);
      const closed = new Promise((resolve) => stranger.once('close', resolve));
      stranger.write(Buffer.from(noise, 'latin1'));
      await closed;
    }
    const connection = await connectToOwner(dataFolder, runtimeFolder, 'command');
    expect(await connection!.transport.invoke('hosts.list', {})).toMatchObject({ ok: true });
    connection!.close();
    await socket.close();
  });

  it('tells open calls when the owner goes', async () => {
    const engine = createFakeEngine();
    const slow = {
      ...engine,
      handlers: { ...engine.handlers, 'app.info': () => new Promise<never>(() => undefined) },
    };
    const socket = await own(slow);
    const connection = await connectToOwner(dataFolder, runtimeFolder, 'command');
    const open = connection!.transport.invoke('app.info', {});
    const failed = expect(open).rejects.toMatchObject({ code: 'not-connected' });
    await socket.close();
    await failed;
    await connection!.closed;
    const late = connection!.transport.invoke('app.info', {});
    await expect(late).rejects.toMatchObject({ code: 'not-connected' });
  });

  it('does not take a listener that answers nothing for an owner for ever', async () => {
    const silent = createServer((socket) => socket.resume().end());
    await new Promise<void>((resolve) => silent.listen(join(dataFolder, 'engine.sock'), resolve));
    expect(await connectToOwner(dataFolder, runtimeFolder, 'command')).toBeNull();
    await new Promise((resolve) => silent.close(resolve));
  });
});

/** Engines that share one data folder: only one of them can be created at a time. */
function sharedFolder() {
  let owned = false;
  let created = 0;
  const createEngine = async (): Promise<RunningEngine & { readonly fake: FakeEngine }> => {
    if (owned) throw new AppError('data-folder-in-use', 'Another engine owns it.');
    owned = true;
    created += 1;
    const fake = createFakeEngine({ secondsPerJob: 0.4 });
    return {
      fake,
      ...fake,
      settled: () => Promise.resolve(),
      stop: async () => {
        await fake.stop();
        owned = false;
      },
    };
  };
  return { createEngine, created: () => created };
}

describe('session', () => {
  it('runs the engine itself, or talks to who does', async () => {
    const { createEngine, created } = sharedFolder();
    const base = { dataFolder, runtimeFolder, createEngine, report: () => 'log-1' };
    const first = await openSession({ ...base, role: 'window' });
    const second = await openSession({ ...base, role: 'command' });
    expect([first.owner, second.owner]).toEqual([true, false]);
    expect(created()).toBe(1);
    const machines = await createClient(second.transport).call('machines.list', { host: null });
    expect(machines).toHaveLength(14);
    await second.close();
    await first.close();
    const third = await openSession({ ...base, role: 'command' });
    expect(third.owner).toBe(true);
    await third.close();
  });

  it('stays, as owner, until the commands of others have ended', async () => {
    const { createEngine } = sharedFolder();
    const base = { dataFolder, runtimeFolder, createEngine, report: () => 'log-1' };
    const owner = await openSession({ ...base, role: 'command' });
    const other = await openSession({ ...base, role: 'command' });
    let left = false;
    const leaving = owner.close().then(() => (left = true));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(left).toBe(false);
    expect(await other.transport.invoke('hosts.list', {})).toMatchObject({ ok: true });
    await other.close();
    await leaving;
  });

  it('of a window waits a moment for commands, then ends and lets them hear it', async () => {
    const { createEngine } = sharedFolder();
    const engines: Awaited<ReturnType<typeof createEngine>>[] = [];
    const base = { dataFolder, runtimeFolder, report: () => 'log-1' };
    const create = async () => {
      const engine = await createEngine();
      engines.push(engine);
      const stop = async () => {
        engine.fake.emit('state.reset', null); // as a job tells that it was cancelled
        expect(await command.transport.invoke('hosts.list', {})).toMatchObject({
          error: { code: 'not-connected' },
        });
        await engine.stop();
      };
      return { ...engine, stop };
    };
    const window = await openSession({ ...base, role: 'window', createEngine: create });
    const command = await openSession({ ...base, role: 'command', createEngine });
    const heard: string[] = [];
    command.transport.subscribe((name) => heard.push(name));
    const began = performance.now();
    await window.close();
    expect(performance.now() - began).toBeLessThan(8_000);
    expect(heard).toEqual(['state.reset']);
    await command.lost;
    const next = await openSession({ ...base, role: 'command', createEngine });
    expect(next.owner).toBe(true);
    await next.close();
  }, 20_000);

  it('of a window takes over when the command that owned the folder ends', async () => {
    const { createEngine, created } = sharedFolder();
    const base = { dataFolder, runtimeFolder, createEngine, report: () => 'log-1' };
    const command = await openSession({ ...base, role: 'command' });
    const window = await lastingSession(
      () => openSession({ ...base, role: 'window' }),
      base.report,
    );
    const events: string[] = [];
    window.transport.subscribe((name) => events.push(name));
    await command.close(); // a window does not hold it
    await expect.poll(() => events, { timeout: 5_000 }).toContain('state.reset');
    expect(created()).toBe(2);
    expect(await window.transport.invoke('hosts.list', {})).toMatchObject({ ok: true });
    await window.close();
  });

  it('gives up on an owner that never answers, with what to do', async () => {
    const base = { dataFolder, runtimeFolder, role: 'command', report: () => 'log-1' } as const;
    const createEngine = () =>
      Promise.reject(new AppError('data-folder-in-use', 'Another engine owns it.'));
    await expect(openSession({ ...base, createEngine, patienceMs: 400 })).rejects.toMatchObject({
      code: 'data-folder-in-use',
      data: { advice: expect.stringContaining('--data') as string },
    });
  });
});
