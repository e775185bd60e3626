import { describe, expect, test } from 'vitest';
import {
  aptCommands,
  isDebian,
  missingPackages,
  nodeProblem,
  packagesFor,
  reasonToInstall,
} from '../../../scripts/prepare.mjs';

const bare = { display: false, browser: false };

describe('packages by purpose', () => {
  test('start asks for no browser without a display', () => {
    expect(Object.keys(packagesFor('start', bare))).not.toContain('chromium');
    expect(packagesFor('start', bare)).toHaveProperty('qemu-system-x86');
  });

  test('start asks for a browser only where it can be shown and none is there', () => {
    expect(packagesFor('start', { display: true, browser: false })).toHaveProperty('chromium');
    expect(packagesFor('start', { display: true, browser: true })).not.toHaveProperty('chromium');
  });

  test('test has all of start, bench has all of test', () => {
    const names = (purpose: 'start' | 'test' | 'bench') => Object.keys(packagesFor(purpose, bare));
    expect(names('test')).toEqual(expect.arrayContaining(names('start')));
    expect(names('bench')).toEqual(expect.arrayContaining(names('test')));
    expect(names('bench')).toEqual(expect.arrayContaining(['restic', 'borgbackup']));
  });
});

describe('what dpkg says', () => {
  test('only "ii" counts as installed, with or without an architecture', () => {
    const listing = 'nasm ii \nnbdkit:amd64 ii\nacl rc \novmf iU \n';
    const wanted = ['nasm', 'nbdkit', 'acl', 'ovmf', 'swtpm'];
    expect(missingPackages(wanted, listing)).toEqual(['acl', 'ovmf', 'swtpm']);
  });

  test('an empty listing means that everything is missing', () => {
    expect(missingPackages(['nasm'], '')).toEqual(['nasm']);
  });

  test('only an ordinary user gets sudo', () => {
    const root = aptCommands(['nasm'], { root: true });
    expect(root.map(([first]) => first)).toEqual(['apt-get', 'apt-get']);
    const user = aptCommands(['nasm'], { root: false });
    expect(user.map(([first]) => first)).toEqual(['sudo', 'sudo']);
    expect(user[1]?.at(-1)).toBe('nasm');
  });

  test('Debian and its children are recognised, others are not', () => {
    expect(isDebian('PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\n')).toBe(true);
    expect(isDebian('ID=ubuntu\nID_LIKE=debian\n')).toBe(true);
    expect(isDebian('ID=linuxmint\nID_LIKE="ubuntu debian"\n')).toBe(true);
    expect(isDebian('ID=fedora\nVARIANT_ID=debian\n')).toBe(false);
    expect(isDebian('')).toBe(false);
  });
});

describe('whether npm ci must run', () => {
  const tree = (packages: Record<string, object>) => JSON.stringify({ packages });
  const lock = tree({
    '': { version: '0.1.0' },
    'node_modules/a': { version: '1.0.0' },
    'node_modules/b': { version: '2.0.0', optional: true },
  });

  test('no hidden lock file means npm never finished', () => {
    expect(reasonToInstall(lock, null)).toContain('missing');
  });

  test('the same versions need nothing, whether or not the optional one is there', () => {
    const a = { 'node_modules/a': { version: '1.0.0' } };
    expect(reasonToInstall(lock, tree(a))).toBeNull();
    const both = { ...a, 'node_modules/b': { version: '2.0.0' } };
    expect(reasonToInstall(lock, tree(both))).toBeNull();
  });

  test.each([
    ['a needed package is absent', {}],
    ['a needed package is older', { 'node_modules/a': { version: '0.9.0' } }],
    [
      'an optional package is older',
      { 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '1.0.0' } },
    ],
  ])('%s: install', (_title, packages) => {
    expect(reasonToInstall(lock, tree(packages))).not.toBeNull();
  });
});

test.each([
  ['18.19.0', 'linux', 'x64', 'too old'],
  ['24.1.0', 'darwin', 'arm64', 'Linux'],
  ['24.1.0', 'linux', 'riscv64', 'riscv64'],
])('Node %s on %s %s is refused', (version, platform, arch, words) => {
  expect(nodeProblem(version, platform, arch)).toContain(words);
});

test('Node 20 and newer on x64 and arm64 are accepted', () => {
  expect(nodeProblem('20.0.0', 'linux', 'x64')).toBeNull();
  expect(nodeProblem('24.21.0', 'linux', 'arm64')).toBeNull();
});
