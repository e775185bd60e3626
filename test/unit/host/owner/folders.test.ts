import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  dataFolder,
  maxSocketPathBytes,
  runtimeFolder,
  socketPath,
} from '../../../../src-main/host/owner/folders.ts';

const uid = process.getuid?.() ?? 0;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'waymark-folders-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('data folder', () => {
  it('is the one asked for, else of XDG_DATA_HOME, else of the home', () => {
    expect(dataFolder('some/where', {})).toBe(join(process.cwd(), 'some/where'));
    expect(dataFolder(undefined, { XDG_DATA_HOME: '/data' })).toBe('/data/waymark');
    const usual = join(homedir(), '.local/share/waymark');
    expect(dataFolder(undefined, {})).toBe(usual);
    expect(dataFolder(undefined, { XDG_DATA_HOME: 'relative' })).toBe(usual);
    expect(dataFolder(undefined, { XDG_DATA_HOME: '' })).toBe(usual);
  });
});

describe('runtime folder', () => {
  it('is made private, and made private again', () => {
    const made = runtimeFolder({ XDG_RUNTIME_DIR: folder }, uid);
    expect(made).toBe(join(folder, 'waymark'));
    expect(statSync(made).mode & 0o777).toBe(0o700);
    chmodSync(made, 0o755);
    expect(statSync(runtimeFolder({ XDG_RUNTIME_DIR: folder }, uid)).mode & 0o777).toBe(0o700);
  });

  it('is refused when somebody else put something there', () => {
    mkdirSync(join(folder, 'elsewhere'));
    symlinkSync('elsewhere', join(folder, 'waymark'));
    expect(() => runtimeFolder({ XDG_RUNTIME_DIR: folder }, uid)).toThrow(
      expect.objectContaining({ code: 'permission-denied' }),
    );
    rmSync(join(folder, 'waymark'));
    expect(() => runtimeFolder({ XDG_RUNTIME_DIR: folder }, uid + 1)).toThrow(
      expect.objectContaining({ code: 'permission-denied' }),
    );
  });
});

describe('socket path', () => {
  it('is in the data folder up to the limit, beyond it in the runtime folder', () => {
    const name = '/engine.sock';
    const fits = `/${'d'.repeat(maxSocketPathBytes - name.length - 1)}`;
    expect(socketPath(fits, '/run/waymark')).toBe(fits + name);
    expect(socketPath(`${fits}d`, '/run/waymark')).toMatch(/^\/run\/waymark\/engine-\w{16}\.sock$/);
  });

  it('counts bytes, not characters', () => {
    const data = `/${'ü'.repeat(50)}`;
    expect(socketPath(data, '/run/waymark')).toMatch(/^\/run\/waymark\//);
  });

  it('is refused when both are too long', () => {
    const long = `/${'d'.repeat(120)}`;
    expect(() => socketPath(long, long)).toThrow(
      expect.objectContaining({ code: 'socket-path-too-long' }),
    );
  });
});
