import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findBrowser, hasDisplay, writeRedirect } from '../../../../src-main/host/node/browser.ts';
import { builderOf, isBuilt } from '../../../../src-main/host/node/build.ts';
import { electronObstacle, electronProgram } from '../../../../src-main/host/node/runtime.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'waymark-starting-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function put(path: string, mode = 0o644): string {
  const full = join(folder, path);
  mkdirSync(join(full, '..'), { recursive: true });
  writeFileSync(full, '', { mode });
  return full;
}

describe('the desktop window', () => {
  const program = { path: '/e', main: '/m' };
  it('needs a runtime, a display, and somebody other than root', () => {
    const display = { DISPLAY: ':0' };
    expect(electronObstacle(display, 1000, null)).toContain('not installed');
    expect(electronObstacle({}, 1000, program)).toContain('no display');
    expect(electronObstacle({ DISPLAY: '', WAYLAND_DISPLAY: '' }, 1000, program)).not.toBeNull();
    expect(electronObstacle(display, 0, program)).toContain('root');
    expect(electronObstacle(display, 1000, program)).toBeNull();
    expect(hasDisplay({ WAYLAND_DISPLAY: 'wayland-0' })).toBe(true);
  });

  it('needs both the runtime and our bundle for it', () => {
    expect(electronProgram(folder)).toBeNull();
    const path = put('node_modules/electron/dist/electron');
    expect(electronProgram(folder)).toBeNull();
    const main = put('dist/main/main.js');
    expect(electronProgram(folder)).toEqual({ path, main });
  });
});

describe('the browser', () => {
  it('is the first Chromium of the PATH that may be run', () => {
    put('a/chromium'); // not executable
    const chrome = put('b/google-chrome', 0o755);
    const environment = { PATH: `${folder}/a::${folder}/b` };
    expect(findBrowser(environment)).toBe(chrome);
    const chromium = put('b/chromium', 0o755);
    expect(findBrowser(environment)).toBe(chromium);
    expect(findBrowser({})).toBeNull();
  });

  it('gets the link in a file that only this user can read', () => {
    const link = 'http://127.0.0.1:4711/#token=secret';
    const page = writeRedirect(folder, link);
    expect(statSync(page).mode & 0o777).toBe(0o600);
    expect(statSync(join(page, '..')).mode & 0o777).toBe(0o700);
    expect(readFileSync(page, 'utf8')).toContain(`content="0;url=${link}"`);
    expect(page).not.toContain('secret');
  });
});

describe('the interface', () => {
  it('is built again when a source is newer than it', () => {
    put('vite.config.ts');
    put('src-main/contract/contract.ts');
    const source = put('src-renderer/views/Machines.svelte');
    expect(isBuilt(folder)).toBe(false);
    const page = put('dist/renderer/index.html');
    utimesSync(page, 2_000_000_000, 2_000_000_000);
    expect(isBuilt(folder)).toBe(true);
    utimesSync(source, 2_000_000_001, 2_000_000_001);
    expect(isBuilt(folder)).toBe(false);
  });

  it('has a builder in the source tree only', () => {
    expect(builderOf(folder)).toBeNull();
    put('vite.config.ts');
    const vite = put('node_modules/vite/bin/vite.js');
    expect(builderOf(folder)).toBe(vite);
  });
});
