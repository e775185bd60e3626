import { expect, test } from 'vitest';
import type { FolderCheck } from '../../../../../src-main/contract/app.ts';
import {
  forCreating,
  forOpening,
  pathProblem,
} from '../../../../../src-renderer/views/repositories/folder-words.ts';

const fine: FolderCheck = {
  path: '/srv/attic',
  exists: true,
  isFolder: true,
  writable: true,
  empty: true,
  freeBytes: 1024,
  repository: false,
};

test.each<[string, Partial<FolderCheck>, boolean, RegExp]>([
  ['an empty folder', {}, true, /1 KiB free/],
  ['a folder to be made', { exists: false }, true, /will be created/],
  ['unknown space', { freeBytes: null }, true, /./],
  ['no room at all', { freeBytes: 0 }, false, /no room/],
  ['no room for a new folder', { exists: false, freeBytes: 0 }, false, /no room/],
  ['a file', { isFolder: false }, false, /file/],
  ['a full folder', { empty: false }, false, /./],
  ['a folder that cannot be written', { writable: false }, false, /./],
  ['a repository', { repository: true, empty: false }, false, /repository/],
])('creating in %s', (_, change, ok, words) => {
  const found = forCreating({ ...fine, ...change });
  expect(found.ok).toBe(ok);
  expect(found.words).toMatch(words);
});

test('only a repository can be opened', () => {
  expect(forOpening({ ...fine, repository: true }).ok).toBe(true);
  expect(forOpening(fine).ok).toBe(false);
  expect(forOpening({ ...fine, exists: false }).ok).toBe(false);
});

test('a path must be given, and in full', () => {
  expect(pathProblem(' ')).not.toBeNull();
  expect(pathProblem('attic')).not.toBeNull();
  expect(pathProblem('/attic')).toBeNull();
});
