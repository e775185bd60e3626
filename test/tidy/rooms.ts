/**
 * Who may import whom: the table of ARCHITECTURE.md as data, each row with its reason. The first
 * row whose pattern fits a file is its room. `may` names rooms, packages ("valibot", "svelte/*")
 * and Node modules ("node:net", "node:*"); a room may always import itself. A room followed by
 * ":types" may be imported for its types only.
 */
export interface Room {
  readonly name: string;
  readonly files: RegExp;
  readonly may: readonly string[];
  readonly why: string;
}

/** Node modules that touch nothing outside: text, bytes, events and digests. */
const pure = ['node:path', 'node:util', 'node:buffer', 'node:events', 'node:crypto'];
const work = ['hypervisor', 'nbd', 'store', 'catalog', 'jobs', 'world', 'contract', ...pure];
const engineRooms = [
  ...['backup', 'restore', 'interlock', 'snapshot', 'checkpoint', 'practice', 'schedule', 'fleet'],
  ...['repositories', 'computer', 'news', 'background', 'report', 'handlers', ...work],
];
const widgets = ['svelte', 'svelte/*', 'bits-ui', 'd3-scale', 'd3-shape'];

function engineRoom(name: string, may: readonly string[], why: string): Room {
  return { name, files: new RegExp(`^src-main/engine/${name}/`), may, why };
}

const engine: readonly Room[] = [
  {
    name: 'world',
    files: /^src-main\/engine\/world\//,
    may: ['node:*', 'contract/errors'],
    why: 'the only door out knows nothing of what passes through it',
  },
  engineRoom(
    'nbd',
    ['world', 'contract/errors', 'node:net', ...pure],
    'it moves bytes, not machines',
  ),
  engineRoom(
    'hypervisor',
    ['world', 'contract', '@xmldom/xmldom', 'node:net', 'node:stream', ...pure],
    'it speaks to libvirt and keeps nothing',
  ),
  engineRoom(
    'store',
    [
      ...['world', 'contract/errors', 'better-sqlite3', ...pure],
      ...['node:zlib', 'node:worker_threads', 'node:os', 'node:url'],
    ],
    'it holds blocks, not machines',
  ),
  engineRoom(
    'catalog',
    ['world', 'contract', 'better-sqlite3', ...pure],
    'it is a cache that anything may read and that needs no other room',
  ),
  engineRoom(
    'jobs',
    ['world', 'catalog', 'contract', ...pure],
    'it runs functions it is handed, whatever they do',
  ),
  ...['backup', 'restore', 'practice', 'interlock'].map((name) =>
    engineRoom(name, work, 'what one of them learns, another gets from engine.ts'),
  ),
  ...['snapshot', 'checkpoint'].map((name) =>
    engineRoom(
      name,
      ['interlock', ...work],
      'it plans; the facts, the steps and their running are the interlock’s',
    ),
  ),
  engineRoom(
    'schedule',
    ['catalog', 'jobs', 'world', 'contract', 'croner', ...pure],
    'it is handed what to run by engine.ts',
  ),
  engineRoom(
    'fleet',
    ['hypervisor', 'catalog', 'world', 'contract', ...pure],
    'it watches hosts and shows their machines; it starts no work on them',
  ),
  engineRoom(
    'repositories',
    ['store', 'catalog', 'world', 'contract', ...pure],
    'it keeps repositories open and their keys; it knows no machine',
  ),
  engineRoom(
    'computer',
    ['world', 'contract', ...pure],
    'it asks the computer it runs on; who needs the answers gets them from engine.ts',
  ),
  engineRoom(
    'report',
    ['contract', ...pure],
    'it writes a page from facts and looks at nothing itself',
  ),
  engineRoom(
    'background',
    ['world', 'contract', ...pure],
    'it writes the files that start Waymark, whatever Waymark does then',
  ),
  engineRoom(
    'news',
    ['catalog', 'world', 'contract', ...pure],
    'it sends what it is told and does not know why',
  ),
  engineRoom(
    'handlers',
    ['engine:types', ...engineRooms],
    'the parts of engine.ts by noun: they join the rooms',
  ),
  {
    name: 'engine',
    files: /^src-main\/engine\/[^/]+\.ts$/,
    may: engineRooms,
    why: 'it wires the rooms and never learns which host runs it',
  },
];

const host: readonly Room[] = [
  {
    name: 'preload',
    files: /^src-main\/host\/electron\/preload\.ts$/,
    may: ['electron', 'contract'],
    why: 'it is sandboxed: one bundled file with named functions only',
  },
  {
    name: 'host/electron',
    files: /^src-main\/host\/electron\//,
    may: ['electron', 'host', 'host/owner', 'engine', 'world', 'contract', 'node:*'],
    why: 'it carries the engine to a window and knows no room of it',
  },
  {
    name: 'host/node',
    files: /^src-main\/host\/node\//,
    may: ['ws', 'host', 'host/owner', 'engine', 'world', 'contract', 'node:*'],
    why: 'it carries the engine to a browser and a terminal and knows no room of it',
  },
  {
    name: 'host/owner',
    files: /^src-main\/host\/owner\//,
    may: ['host', 'engine', 'world', 'contract', 'node:*'],
    why: 'it opens the engine or reaches its owner for every host, so it may know none of them',
  },
  {
    name: 'host',
    files: /^src-main\/host\/[^/]+\.ts$/,
    may: ['contract'],
    why: 'every host uses it, so it may know none of them',
  },
];

const renderer: readonly Room[] = [
  {
    name: 'transport',
    files: /^src-renderer\/transport\//,
    may: ['contract'],
    why: 'nothing else differs by host, so nothing else may be in it',
  },
  {
    name: 'state',
    files: /^src-renderer\/state\//,
    may: ['svelte', 'svelte/*', 'contract'],
    why: 'it is fed by the client and draws nothing',
  },
  {
    name: 'text',
    files: /^src-renderer\/text\//,
    may: [...widgets, 'ui', 'contract'],
    why: 'words need no state',
  },
  {
    name: 'ui',
    files: /^src-renderer\/ui\//,
    may: [...widgets, 'text'],
    why: 'widgets know no machine',
  },
  {
    name: 'views',
    files: /^src-renderer\/views\//,
    may: [...widgets, 'state', 'ui', 'text', 'contract:types'],
    why: 'a screen gets its data from state, not from the wire, and stands alone',
  },
  {
    name: 'renderer',
    files: /^src-renderer\/[^/]+\.(ts|svelte)$/,
    may: [...widgets, 'transport', 'state', 'text', 'ui', 'views', 'styles', 'contract'],
    why: 'it puts the interface together and never learns of Electron',
  },
  { name: 'styles', files: /^src-renderer\/styles\//, may: [], why: 'style is plain CSS' },
];

const rooms: readonly Room[] = [
  {
    name: 'contract',
    files: /^src-main\/contract\//,
    may: ['valibot'],
    why: 'both sides import it, so it may use neither Node nor the DOM',
  },
  ...engine,
  ...host,
  ...renderer,
  {
    name: 'test',
    files: /^test\//,
    may: ['*'],
    why: 'tests may look anywhere; only what starts them may import them',
  },
  {
    name: 'tools',
    files: /^(scripts\/|[^/]+\.(config\.)?(ts|js|mjs)$)/,
    may: ['*'],
    why: 'they run before or beside the program',
  },
];

/** Screens stand alone: views/<screen> is a room of its own within views. */
export function roomOf(path: string): Room | undefined {
  return rooms.find(({ files }) => files.test(path));
}

/** Files that something outside the sources starts. */
export const entryPoints: readonly RegExp[] = [
  /^src-main\/host\/(node|electron)\/main\.ts$/,
  /^src-main\/host\/electron\/preload\.ts$/,
  /^src-renderer\/main\.ts$/,
  /^scripts\/prepare\.mjs$/,
  /^[^/]+\.config\.(ts|js)$/,
  // Run by hand.
  /^test\/(run|types|samples\/make|e2e\/(readme-)?shots)\.ts$/,
  /^test\/bench\/(run|store|clean-up(-peer)?|plans)\.ts$/,
  /^test\/torture\/run\.ts$/,
  /^test\/soak\/run\.ts$/,
  /^test\/bench\/unchecked\.ts$/, // started by the bench
  /^test\/run\/vitest-reporter\.ts$/,
  /\.(test|spec)\.ts$/,
  /\.d\.ts$/,
];
