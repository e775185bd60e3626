import { describe, expect, it } from 'vitest';
import {
  groupsToAsk,
  linesOf,
  sameGroup,
  sheetText,
} from '../../../../../src-renderer/views/repositories/recovery-code.ts';
import {
  forCreating,
  forOpening,
  pathProblem,
} from '../../../../../src-renderer/views/repositories/folder-words.ts';
import { nameFromPath, nameProblem } from '../../../../../src-renderer/views/repositories/names.ts';
import { holdings } from '../../../../../src-renderer/views/repositories/contents.ts';
import { commandIn } from '../../../../../src-renderer/text/command-in.ts';
import { demoState } from '../../../../fakes/demo-state.ts';

const code = 'K7QD-93MB-XW2F-T8HA-5NRC-PE64-JV0G-1YSZ';

describe('the recovery sheet', () => {
  it('cuts one long line into lines of four groups and keeps lines it was given', () => {
    expect(linesOf(code).map((line) => line.join(' '))).toEqual([
      ...['K7QD 93MB XW2F T8HA', '5NRC PE64 JV0G 1YSZ'],
    ]);
    expect(linesOf('AAAA BBBB CC\nDDDD EEEE FF\n')).toHaveLength(2);
  });

  it('asks for two groups of different lines, in the order of the sheet', () => {
    for (const at of [0, 0.3, 0.5, 0.99]) {
      const asked = groupsToAsk(code, () => at);
      expect(asked).toHaveLength(2);
      expect(asked[0]!.line).toBeLessThan(asked[1]!.line);
      for (const { line, group, expected } of asked) {
        expect(linesOf(code)[line - 1]?.[group - 1]).toBe(expected);
      }
    }
  });

  it('takes small letters and spaces, and no other group', () => {
    expect(sameGroup(' k7qd ', 'K7QD')).toBe(true);
    expect(sameGroup('K7QE', 'K7QD')).toBe(false);
    expect(sameGroup('', 'K7QD')).toBe(false);
  });

  it('writes a file with every fact and every line', () => {
    const text = sheetText({ title: 'T', facts: [['Folder', '/a']], sentence: 'S', code });
    expect(text).toContain('Folder:');
    expect(text).toContain('  2  5NRC PE64 JV0G 1YSZ');
  });
});

describe('a folder', () => {
  const fine = { exists: true, isFolder: true, empty: true, writable: true, freeBytes: 1024 ** 3 };
  const check = { path: '/a', ...fine, repository: false };

  it('must be a full path', () => {
    expect(pathProblem('')).not.toBeNull();
    expect(pathProblem('a/b')).not.toBeNull();
    expect(pathProblem('/a/b')).toBeNull();
  });

  it.each([
    ['holds a repository', { repository: true }, false],
    ['is a file', { isFolder: false }, false],
    ['is not empty', { empty: false }, false],
    ['may not be written', { writable: false }, false],
    ['is new', { exists: false }, true],
    ['is fine', {}, true],
  ])('%s', (_, change, ok) => {
    expect(forCreating({ ...check, ...change }).ok).toBe(ok);
  });

  it('is opened only when a repository is in it', () => {
    expect(forOpening(check).ok).toBe(false);
    expect(forOpening({ ...check, repository: true }).ok).toBe(true);
  });
});

describe('names and contents', () => {
  it('refuses what the contract refuses', () => {
    expect(nameProblem('attic', [])).toBeNull();
    expect(nameProblem('Dachböden 倉庫', [])).toBeNull();
    for (const bad of ['', '  ', 'a/b', 'a\nb', 'x'.repeat(129)]) {
      expect(nameProblem(bad, []), bad).not.toBeNull();
    }
    expect(nameProblem('attic', ['attic'])).not.toBeNull();
    expect(nameFromPath('/srv/attic/')).toBe('attic');
  });

  it('gathers points by machine, newest first', () => {
    const { points } = demoState('full', Date.UTC(2026, 10, 23));
    const rows = holdings(points);
    expect(rows.reduce((sum, row) => sum + row.count, 0)).toBe(points.length);
    for (const row of rows) expect(row.newest.time).toBeGreaterThanOrEqual(row.oldest.time);
  });

  it('tells a command from advice in words', () => {
    expect(commandIn('sudo usermod -aG libvirt marek').command).toMatch(/^sudo/);
    expect(commandIn('Start it: `systemctl start libvirtd`.')).toEqual({
      words: 'Start it.',
      command: 'systemctl start libvirtd',
    });
    expect(commandIn('Connect the drive.')).toEqual({ words: 'Connect the drive.', command: '' });
  });
});
