/**
 * The block index: where each block is. A SQLite cache beside the catalog, never in the repository;
 * everything in it can be read back from the packs' trailers. A row whose pack is gone counts as
 * absent, so a vanished pack costs nothing to forget.
 *
 * Keys are the first 20 bytes of an id (160 bits): a third less to store and search, and still far
 * beyond anybody's reach to collide. Every call stays within a few milliseconds.
 */
import Database from 'better-sqlite3';
import type { PackEntry } from './pack.ts';

export const keyPrefixBytes = 20;
export const indexVersion = 1;
/** SQLite's page cache, the index's memory whatever its size. */
export const cacheKibibytes = 16 * 1024;
/** Rows added in one transaction, before other work gets its turn. */
export const maxRowsPerCall = 200;

export interface BlockPlace {
  readonly pack: number;
  readonly offset: number;
  readonly length: number;
}

const schema = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE packs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    size_bytes INTEGER NOT NULL
  );
  CREATE TABLE blocks (
    id BLOB PRIMARY KEY, pack INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL
  ) WITHOUT ROWID;
  -- Further copies of a block, kept for when the first one is damaged.
  CREATE TABLE copies (
    id BLOB NOT NULL, pack INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
    PRIMARY KEY (id, pack, offset)
  ) WITHOUT ROWID;
  -- Places known to be damaged: a copy there does not count.
  CREATE TABLE damaged (
    id BLOB NOT NULL, pack_id TEXT NOT NULL, offset INTEGER NOT NULL,
    PRIMARY KEY (id, pack_id, offset)
  ) WITHOUT ROWID;
`;

export interface PackRow {
  readonly id: string;
  readonly sizeBytes: number;
}

export class BlockIndex {
  readonly #db: Database.Database;
  /** Live packs by number. A number is never used twice. */
  readonly #packs = new Map<number, PackRow>();
  readonly #numbers = new Map<string, number>();
  readonly #find: Database.Statement<[Uint8Array], BlockPlace>;
  readonly #findAll: (ids: readonly Uint8Array[]) => (BlockPlace | null)[];
  readonly #placesOfAll: (ids: readonly Uint8Array[]) => (readonly BlockPlace[])[];
  readonly #noted: Database.Statement<[string], { value: string }>;
  readonly #insert: Database.Statement<[Uint8Array, number, number, number]>;
  readonly #insertCopy: Database.Statement<[Uint8Array, number, number, number]>;
  #damagedCount: number;
  #hasCopies: boolean;

  /** `path` may be ':memory:'. Throws when the file is no index of this version and repository. */
  constructor(path: string, repositoryId: string) {
    this.#db = new Database(path);
    try {
      this.#db.pragma('journal_mode = WAL');
      // A flush would hold the event loop while packs are written: index-file.ts answers for it.
      this.#db.pragma('synchronous = OFF');
      this.#db.pragma(`cache_size = -${cacheKibibytes}`);
      this.#prepare(repositoryId);
    } catch (thrown) {
      this.#db.close();
      throw thrown;
    }
    this.#find = this.#db.prepare('SELECT pack, offset, length FROM blocks WHERE id = ?');
    this.#findAll = this.#db.transaction((ids: readonly Uint8Array[]) =>
      ids.map((id) => this.find(id)),
    );
    this.#placesOfAll = this.#db.transaction((ids: readonly Uint8Array[]) =>
      ids.map((id) => this.places(id)),
    );
    this.#noted = this.#db.prepare('SELECT value FROM meta WHERE name = ?');
    this.#insert = this.#db.prepare('INSERT OR REPLACE INTO blocks VALUES (?, ?, ?, ?)');
    this.#insertCopy = this.#db.prepare('INSERT OR IGNORE INTO copies VALUES (?, ?, ?, ?)');
    for (const row of this.#packRows()) {
      this.#packs.set(row.number, { id: row.id, sizeBytes: row.size_bytes });
      this.#numbers.set(row.id, row.number);
    }
    this.#damagedCount = this.#countDamaged();
    this.#hasCopies = this.#db.prepare('SELECT 1 FROM copies LIMIT 1').get() !== undefined;
  }

  #prepare(repositoryId: string): void {
    if (this.#db.pragma('user_version', { simple: true }) === 0) {
      this.#db.exec(schema);
      this.#db.prepare('INSERT INTO meta VALUES (?, ?)').run('repository', repositoryId);
      this.#db.pragma(`user_version = ${indexVersion}`);
    }
    const version = this.#db.pragma('user_version', { simple: true });
    const of = this.#db.prepare('SELECT value FROM meta WHERE name = ?').pluck().get('repository');
    if (version !== indexVersion || of !== repositoryId) throw new Error('another index');
  }

  #packRows(): { number: number; id: string; size_bytes: number }[] {
    const rows = this.#db
      .prepare('SELECT number, id, size_bytes FROM packs WHERE size_bytes >= 0')
      .all();
    return rows as { number: number; id: string; size_bytes: number }[];
  }

  #countDamaged(): number {
    return Number(this.#db.prepare('SELECT count(*) FROM damaged').pluck().get());
  }

  get packCount(): number {
    return this.#packs.size;
  }

  get packBytes(): number {
    let total = 0;
    for (const { sizeBytes } of this.#packs.values()) total += sizeBytes;
    return total;
  }

  /** Whether any place is known to be damaged: most repositories never ask further. */
  get hasDamage(): boolean {
    return this.#damagedCount > 0;
  }

  packIds(): IterableIterator<string> {
    return this.#numbers.keys();
  }

  hasPack(packId: string): boolean {
    return this.#numbers.has(packId);
  }

  /** Packs by the number that places name them with. */
  packs(): Iterable<readonly [number, PackRow]> {
    return this.#packs;
  }

  packOf(place: BlockPlace): string {
    return this.#packs.get(place.pack)?.id ?? '';
  }

  /** Where a good copy of the block is; null when there is none. */
  find(id: Uint8Array): BlockPlace | null {
    const key = id.subarray(0, keyPrefixBytes);
    const place = this.#find.get(key);
    if (place === undefined) return null;
    if (this.#usable(key, place)) return place;
    for (const copy of this.copies(id)) {
      if (this.#usable(key, copy)) return copy;
    }
    return null;
  }

  copies(id: Uint8Array): BlockPlace[] {
    const key = id.subarray(0, keyPrefixBytes);
    const rows = this.#db.prepare('SELECT pack, offset, length FROM copies WHERE id = ?').all(key);
    return rows as BlockPlace[];
  }

  /** Every place of a block in a pack that is there: good ones first, damaged ones too. */
  places(id: Uint8Array): readonly BlockPlace[] {
    const key = id.subarray(0, keyPrefixBytes);
    const first = this.#find.get(key);
    if (first === undefined) return [];
    const all = this.#hasCopies ? [first, ...this.copies(id)] : [first];
    const live = all.filter(({ pack }) => this.#packs.has(pack));
    if (live.length < 2 && this.#damagedCount === 0) return live;
    const good = live.filter((place) => this.#usable(key, place));
    return [...good, ...live.filter((place) => !good.includes(place))];
  }

  /** The same for many: SQLite then locks its file once, not for each. */
  placesOfAll(ids: readonly Uint8Array[]): readonly (readonly BlockPlace[])[] {
    return this.#placesOfAll(ids);
  }

  #usable(key: Uint8Array, place: BlockPlace): boolean {
    const pack = this.#packs.get(place.pack);
    if (pack === undefined) return false;
    if (this.#damagedCount === 0) return true;
    const row = this.#db
      .prepare('SELECT 1 FROM damaged WHERE id = ? AND pack_id = ? AND offset = ?')
      .get(key, pack.id, place.offset);
    return row === undefined;
  }

  /** The same for many: SQLite then locks its file once, not for each. */
  findAll(ids: readonly Uint8Array[]): (BlockPlace | null)[] {
    return this.#findAll(ids);
  }

  /** Which of the ids laid one after another have a good copy. */
  known(ids: Buffer, idBytes: number): boolean[] {
    const count = ids.length / idBytes;
    const each = Array.from({ length: count }, (_, i) =>
      ids.subarray(i * idBytes, (i + 1) * idBytes),
    );
    return this.findAll(each).map((place) => place !== null);
  }

  /**
   * Adds a pack; `pause` runs between parts of at most `maxRowsPerCall` rows. The pack's own row is
   * written last, so a pack is known only with all its blocks.
   */
  async addPack(
    packId: string,
    sizeBytes: number,
    entries: readonly PackEntry[],
    pause: () => Promise<void>,
  ): Promise<void> {
    if (this.#numbers.has(packId)) return;
    const number = this.#nextNumber(packId);
    for (let at = 0; at < entries.length; at += maxRowsPerCall) {
      this.#addRows(number, entries.slice(at, at + maxRowsPerCall));
      await pause();
    }
    this.#db.prepare('UPDATE packs SET size_bytes = ? WHERE number = ?').run(sizeBytes, number);
    this.#packs.set(number, { id: packId, sizeBytes });
    this.#numbers.set(packId, number);
  }

  /** Reserves a number; a pack whose adding was interrupted has size -1 and is not live. */
  #nextNumber(packId: string): number {
    this.#db.prepare('DELETE FROM packs WHERE id = ?').run(packId);
    const made = this.#db.prepare('INSERT INTO packs (id, size_bytes) VALUES (?, -1)').run(packId);
    return Number(made.lastInsertRowid);
  }

  #addRows(number: number, entries: readonly PackEntry[]): void {
    this.#db.transaction(() => {
      for (const { id, offset, length } of entries) {
        const key = id.subarray(0, keyPrefixBytes);
        const before = this.#find.get(key);
        if (before !== undefined && this.#packs.has(before.pack)) {
          this.#insertCopy.run(key, before.pack, before.offset, before.length);
          this.#hasCopies = true;
        }
        this.#insert.run(key, number, offset, length);
      }
    })();
  }

  /** Forgets a pack that is gone; its rows stay and count as absent. */
  dropPack(packId: string): void {
    const number = this.#numbers.get(packId);
    if (number === undefined) return;
    this.#db.prepare('DELETE FROM packs WHERE number = ?').run(number);
    this.#numbers.delete(packId);
    this.#packs.delete(number);
  }

  /** Remembers that the copy of a block at a place is damaged: a later backup stores it again. */
  markDamaged(id: Uint8Array, packId: string, offset: number): void {
    this.#db
      .prepare('INSERT OR IGNORE INTO damaged VALUES (?, ?, ?)')
      .run(id.subarray(0, keyPrefixBytes), packId, offset);
    this.#damagedCount = this.#countDamaged();
  }

  /** Takes a mark back after the place was read and found good. */
  clearDamaged(id: Uint8Array, packId: string, offset: number): void {
    if (this.#damagedCount === 0) return;
    this.#db
      .prepare('DELETE FROM damaged WHERE id = ? AND pack_id = ? AND offset = ?')
      .run(id.subarray(0, keyPrefixBytes), packId, offset);
    this.#damagedCount = this.#countDamaged();
  }

  /** Every place known to be damaged; ids are cut to their prefix. */
  damagedPlaces(): { id: Buffer; packId: string; offset: number }[] {
    const rows = this.#db.prepare('SELECT id, pack_id AS packId, offset FROM damaged').all();
    return rows as { id: Buffer; packId: string; offset: number }[];
  }

  /** A fact about the repository that must outlive this process. */
  note(name: 'vanished', value: boolean): void {
    this.#db.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)').run(name, value ? 'yes' : 'no');
  }

  noted(name: 'vanished'): boolean {
    return this.#noted.get(name)?.value === 'yes';
  }

  close(): void {
    this.#db.close();
  }
}
