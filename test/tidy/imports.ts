/** Checks of the import graph. Each returns its complaints as sentences; none means tidy. */
import { basename, dirname, join } from 'node:path/posix';
import { entryPoints, roomOf, type Room } from './rooms.ts';
import type { Import, Source } from './source.ts';

/** The project file an import names, or null for a package or a Node module. */
function resolveImport(importer: string, from: string): string | null {
  if (from.startsWith('#contract/')) return from.replace('#contract/', 'src-main/contract/');
  if (from.startsWith('#engine/')) return from.replace('#engine/', 'src-main/engine/');
  if (from.startsWith('.')) return join(dirname(importer), from.replace(/\?.*$/, ''));
  return null;
}

function allowed(room: Room, target: string, typesOnly: boolean): boolean {
  return room.may.some((entry) => {
    if (entry === '*' || entry === target) return true;
    if (entry === `${target}:types`) return typesOnly;
    return entry.endsWith('*') && target.startsWith(entry.slice(0, -1));
  });
}

/** src-renderer/views/<screen>/…; screens may not import each other. */
function screenOf(path: string): string | undefined {
  return /^src-renderer\/views\/([^/]+)\//.exec(path)?.[1];
}

function complaint(source: Source, room: Room, one: Import): string | null {
  const target = resolveImport(source.path, one.from);
  const refusal = (what: string, why = room.why) => `${source.path} imports ${what}: ${why}`;
  if (target === null) {
    return allowed(room, one.from, one.typesOnly) ? null : refusal(one.from);
  }
  if (!/\.(ts|js|mjs|svelte|css)$/.test(target)) return null; // data
  const other = roomOf(target);
  if (other === undefined) return refusal(`${one.from}, which is in no room`);
  if (other.name === 'test' && room.name !== 'test' && room.name !== 'tools') {
    return refusal(one.from, 'nothing imports tests');
  }
  if (other.name === room.name) {
    const [from, to] = [screenOf(source.path), screenOf(target)];
    return to === undefined || from === to ? null : refusal(one.from, 'screens stand alone');
  }
  if (room.name.startsWith('engine') && target === 'src-main/engine/engine.ts') return null;
  const precise = /^src-main\/(contract\/errors)\.ts$/.exec(target)?.[1];
  if (precise !== undefined && allowed(room, precise, one.typesOnly)) return null;
  if (other.name === 'engine' && target !== 'src-main/engine/engine.ts' && room.name !== 'test') {
    return refusal(one.from, 'only engine.ts is the engine to the outside');
  }
  return allowed(room, other.name, one.typesOnly) ? null : refusal(one.from);
}

/** Imports that the table of rooms does not allow. */
export function forbiddenImports(sources: readonly Source[]): readonly string[] {
  return sources.flatMap((source) => {
    const room = roomOf(source.path);
    if (room === undefined) return [`${source.path} is in no room of test/tidy/rooms.ts`];
    return source.imports.flatMap((one) => complaint(source, room, one) ?? []);
  });
}

function isEntry(path: string): boolean {
  return entryPoints.some((pattern) => pattern.test(path));
}

/** Source files that no other file imports; for the program itself a test does not count. */
export function deadFiles(sources: readonly Source[]): readonly string[] {
  const used = new Set<string>();
  const named = new Set<string>();
  for (const source of sources) {
    for (const name of source.namedFiles) {
      if (name !== basename(source.path)) named.add(name);
    }
    for (const { from } of source.imports) {
      const target = resolveImport(source.path, from);
      const counts = target?.startsWith('test/') === true || !source.path.startsWith('test/');
      if (target !== null && target !== source.path && counts) used.add(target);
    }
  }
  return sources
    .map(({ path }) => path)
    .filter((path) => !used.has(path) && !isEntry(path))
    .filter((path) => !(path.startsWith('test/') && named.has(basename(path))))
    .map((path) => `${path} is imported by nothing that runs`);
}

/**
 * Exported names that no other file imports. A type that its own file uses is part of a signature,
 * and a limit that its own file uses is exported to be seen.
 */
export function deadExports(sources: readonly Source[]): readonly string[] {
  const used = new Set<string>();
  for (const source of sources) {
    for (const { from, names } of source.imports) {
      const target = resolveImport(source.path, from);
      for (const name of names) used.add(`${target ?? from} ${name}`);
    }
  }
  return sources.flatMap((source) => {
    if (isEntry(source.path) || source.path.endsWith('.svelte')) return [];
    if (used.has(`${source.path} *`)) return [];
    return source.exports
      .filter(({ name }) => !used.has(`${source.path} ${name}`))
      .filter(({ name, declared }) => declared === 'code' || mentions(source.text, name) < 2)
      .map(({ name }) => `${source.path} exports ${name}, which nobody imports`);
  });
}

function mentions(text: string, name: string): number {
  return text.split(new RegExp(`\\b${name.replaceAll('$', '\\$')}\\b`)).length - 1;
}
