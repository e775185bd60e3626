/**
 * Packs the desktop application against a stand-in for the Electron runtime (a folder with a file
 * that holds a fuse wire, as the real binary does) and looks at what came out. Needs no network.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { extractFile, listPackage } from '@electron/asar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import electronPackage from '../../node_modules/electron/package.json' with { type: 'json' };

const root = join(import.meta.dirname, '../..');
/** What @electron/fuses looks for in a binary: this text, a version, a length, a state a fuse. */
const sentinel = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';
const fuseOrder = [
  'runAsNode',
  'cookieEncryption',
  'nodeOptions',
  'nodeCliInspect',
  'embeddedAsarIntegrityValidation',
  'onlyLoadAppFromAsar',
  'loadBrowserProcessSpecificV8Snapshot',
  'grantFileProtocolExtraPrivileges',
];

let folder: string;
let unpacked: string;
let asar: string;
let names: readonly string[];

function run(program: string, args: readonly string[]): void {
  const bin = join(root, 'node_modules/.bin');
  const { status, stdout, stderr } = spawnSync(join(bin, program), args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}`, NODE_ENV: 'production' },
  });
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stdout}\n${stderr}`);
}

function makeRuntime(path: string): void {
  mkdirSync(join(path, 'resources'), { recursive: true });
  mkdirSync(join(path, 'locales'));
  const wire = `${sentinel}\u0001${String.fromCharCode(fuseOrder.length)}10110000`;
  writeFileSync(join(path, 'electron'), Buffer.from(`stand-in ${wire} end`, 'latin1'));
  chmodSync(join(path, 'electron'), 0o755);
  writeFileSync(join(path, 'version'), electronPackage.version);
  writeFileSync(join(path, 'LICENSE'), 'stand-in');
  writeFileSync(join(path, 'chrome-sandbox'), 'stand-in');
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'waymark-package-'));
  const runtime = join(folder, 'electron');
  makeRuntime(runtime);
  run('vite', ['build', '--app', '--logLevel', 'warn']);
  const output = join(folder, 'release');
  run('electron-builder', [
    ...['--linux', 'dir', '--x64', '--publish', 'never'],
    `-c.electronDist=${runtime}`,
    `-c.directories.output=${output}`,
  ]);
  unpacked = join(output, 'linux-unpacked');
  asar = join(unpacked, 'resources/app.asar');
  names = listPackage(asar, { isPack: false });
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('package', () => {
  it('holds every entry', () => {
    for (const entry of [
      '/package.json',
      '/dist/main/main.js',
      '/dist/preload/preload.cjs',
      '/dist/renderer/index.html',
      '/dist/node/main.js',
      '/dist/node/block-worker.js',
      '/dist/main/block-worker.js',
      '/node_modules/better-sqlite3/lib/index.js',
    ]) {
      expect(names).toContain(entry);
    }
    const { main } = JSON.parse(extractFile(asar, 'package.json').toString()) as { main: string };
    expect(names).toContain(`/${main}`);
  });

  it('holds no sources, tests, maps, tools or other packages', () => {
    const stray = names.filter((name) =>
      /\.(ts|svelte|map|asm)$|^\/(test|src-main|src-renderer|scripts|resources)\b/.test(name),
    );
    expect(stray).toEqual([]);
    const packages = names.filter((name) => /^\/node_modules\/[^/]+$/.test(name));
    expect(packages).toEqual(['/node_modules/better-sqlite3']);
  });

  it('carries the native module of its own platform only, outside the archive', () => {
    const natives = names.filter((name) => name.endsWith('.node'));
    expect(natives).toEqual(['/node_modules/better-sqlite3/prebuilds/linux-x64.node']);
    const outside = join(unpacked, 'resources/app.asar.unpacked', natives[0]!);
    expect(readFileSync(outside).subarray(0, 4).toString('latin1')).toBe('\u007FELF');
  });

  it('keeps what runs in threads and what QEMU reads as plain files', () => {
    const worker = 'resources/app.asar.unpacked/dist/node/block-worker.js';
    expect(existsSync(join(unpacked, worker))).toBe(true);
    expect(existsSync(join(unpacked, 'resources/practice/boot.img'))).toBe(true);
  });

  it('brings the command, a desktop entry, metadata, the user unit and icons', () => {
    const resources = join(unpacked, 'resources');
    expect(statSync(join(resources, 'waymark')).mode & 0o111).toBe(0o111);
    for (const file of [
      'linux/waymark.desktop',
      'linux/waymark.service',
      'linux/org.waymark.Waymark.metainfo.xml',
      'icons/256x256.png',
    ]) {
      expect([file, existsSync(join(resources, file))]).toEqual([file, true]);
    }
  });

  it('has its fuses set', () => {
    const binary = readFileSync(join(unpacked, 'waymark-desktop')).toString('latin1');
    const wire = binary.slice(binary.indexOf(sentinel) + sentinel.length + 2);
    const states = Object.fromEntries(fuseOrder.map((name, at) => [name, wire[at] === '1']));
    expect(states).toEqual({
      runAsNode: true,
      cookieEncryption: true,
      nodeOptions: false,
      nodeCliInspect: false,
      embeddedAsarIntegrityValidation: true,
      onlyLoadAppFromAsar: true,
      loadBrowserProcessSpecificV8Snapshot: false,
      grantFileProtocolExtraPrivileges: false,
    });
  });

  it('has a page that its content policy lets run', () => {
    const page = extractFile(asar, 'dist/renderer/index.html').toString();
    expect(page).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=/i);
    const sources = [...page.matchAll(/\b(?:src|href)="([^"]+)"/g)].map(([, source]) => source!);
    for (const source of sources.filter((one) => !one.startsWith('data:'))) {
      expect(names).toContain(`/dist/renderer${source}`);
    }
  });

  it('has a preload that a sandbox can load: one file, Electron its only import', () => {
    const preload = extractFile(asar, 'dist/preload/preload.cjs').toString();
    const required = [...preload.matchAll(/\brequire\("([^"]+)"\)/g)].map(([, name]) => name);
    expect(new Set(required)).toEqual(new Set(['electron']));
  });

  it('has a command line that runs as a bundle', () => {
    const { status, stdout } = spawnSync(
      join(root, 'node_modules/.bin/node'),
      [join(root, 'dist/node/main.js'), '--data', join(folder, 'data'), 'host', 'list', '--json'],
      { encoding: 'utf8', env: { ...process.env, XDG_RUNTIME_DIR: folder } },
    );
    expect([status, stdout]).toEqual([0, '{"hosts":[]}\n']);
  });
});
