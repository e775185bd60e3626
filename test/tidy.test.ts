/** The house rules that neither the compiler nor the linter can see, each with its reason. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { deadExports, deadFiles, forbiddenImports } from './tidy/imports.ts';
import { badLines, badName, maxFileLines, maxFunctionLines, maxLineLength } from './tidy/rules.ts';
import { parseSource } from './tidy/source.ts';

const root = join(import.meta.dirname, '..');
const folders = ['src-main', 'src-renderer', 'test', 'scripts', 'resources', '.ci'];
const textFile = /\.(ts|mjs|js|svelte|css|html|json|yml|asm|md|service|desktop|xml)$|^\.ci\/run$/;
const sourceFile = /\.(ts|mjs|js|svelte)$/;

function allFiles(): readonly string[] {
  const inside = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1)),
  );
  const top = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'package-lock.json')
    .map((entry) => entry.name);
  return [...inside, ...top].filter((path) => textFile.test(path)).sort();
}

const files = allFiles().map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
const sources = files
  .filter(({ path }) => sourceFile.test(path))
  .map(({ path, text }) => parseSource(path, text));
const programs = sources.filter(({ path }) => path.startsWith('src-'));

test('every room imports only what the table allows', () => {
  expect(forbiddenImports(sources)).toEqual([]);
});

test('every file is imported by something that runs', () => {
  expect(deadFiles(sources)).toEqual([]);
});

test('every export is imported by somebody', () => {
  expect(deadExports(sources)).toEqual([]);
});

test('a name has one address: nothing is re-exported', () => {
  expect(programs.filter(({ reexports }) => reexports).map(({ path }) => path)).toEqual([]);
});

test(`no source file is longer than ${maxFileLines} lines`, () => {
  const long = sources
    .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > maxFileLines)
    .map(({ path, lines }) => `${path} has ${lines} lines; two rooms would be clearer`);
  expect(long).toEqual([]);
});

test(`no function is longer than ${maxFunctionLines} lines`, () => {
  const long = programs
    .filter(({ longestFunction }) => longestFunction.lines > maxFunctionLines)
    .map(({ path, longestFunction: { name, lines } }) => `${path}: ${name} has ${lines} lines`);
  expect(long).toEqual([]);
});

test(`no source line is longer than ${maxLineLength} characters`, () => {
  const long = sources.flatMap(({ path, text }) =>
    text
      .split('\n')
      .flatMap((line, at) => (line.length > maxLineLength ? [`${path}:${at + 1}`] : [])),
  );
  expect(long).toEqual([]);
});

test('file names are plain and say what is inside', () => {
  expect(sources.flatMap(({ path }) => badName(path) ?? [])).toEqual([]);
});

test('nothing is written where it may not be', () => {
  expect(files.flatMap(({ path, text }) => badLines(path, text))).toEqual([]);
});
