import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realFiles } from '#engine/world/files.ts';
import { interfaceFile, safeParts } from '../../../src-main/host/interface-files.ts';

let folder: string;
let root: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'waymark-files-'));
  root = join(folder, 'renderer');
  mkdirSync(join(root, 'assets'), { recursive: true });
  mkdirSync(join(folder, 'renderer-secret'));
  writeFileSync(join(root, 'index.html'), '<!doctype html>');
  writeFileSync(join(root, 'assets/main.js'), 'export {}');
  writeFileSync(join(root, 'assets/private.key'), 'no type, no answer');
  writeFileSync(join(folder, 'secret.html'), 'secret');
  writeFileSync(join(folder, 'renderer-secret/secret.html'), 'secret');
  symlinkSync('../secret.html', join(root, 'link.html'));
  symlinkSync('../renderer-secret', join(root, 'sibling'));
  symlinkSync('assets/main.js', join(root, 'inside.js'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const look = (path: string) => interfaceFile(realFiles, root, path);

describe('interface files', () => {
  it('serves the page and its assets with their types', async () => {
    expect(await look('/')).toMatchObject({ type: 'text/html; charset=utf-8', immutable: false });
    expect(await look('/assets/main.js')).toMatchObject({
      type: 'text/javascript; charset=utf-8',
      immutable: true,
    });
    expect(await look('/inside.js')).not.toBeNull(); // a link that stays inside
  });

  it.each([
    ['dots', '/../secret.html'],
    ['encoded slash', '/..%2fsecret.html'],
    ['encoded dots', '/%2e%2e/secret.html'],
    ['encoded twice', '/%252e%252e%252fsecret.html'],
    ['dots further in', '/assets/../../secret.html'],
    ['backslash', '/..\\secret.html'],
    ['encoded backslash', '/..%5csecret.html'],
    ['NUL', '/index.html%00.js'],
    ['absolute', '//etc/hostname.html'],
    ['absolute, encoded', '/%2fetc/hostname.html'],
    ['no slash at all', 'index.html'],
    ['broken encoding', '/%e0%a4%a.html'],
    ['a link to outside', '/link.html'],
    ['a link to a sibling that begins alike', '/sibling/secret.html'],
    ['a folder', '/assets'],
    ['a type nobody serves', '/assets/private.key'],
    ['nothing', '/missing.html'],
    ['an endless path', `/${'a'.repeat(2000)}.html`],
  ])('has nothing for %s', async (_what, path) => {
    expect(await look(path)).toBeNull();
  });

  it('splits an honest path', () => {
    expect(safeParts('/assets/a%20b.js')).toEqual(['assets', 'a b.js']);
  });

  it('has nothing when the folder itself is gone', async () => {
    expect(await interfaceFile(realFiles, join(folder, 'gone'), '/')).toBeNull();
  });
});
