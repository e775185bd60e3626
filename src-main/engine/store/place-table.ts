/**
 * A table of places in packs in a temporary SQLite file, for work on every block of a repository
 * that must not take memory for each: SQLite keeps a few MiB and removes the file by itself, also
 * when the process is killed. Places of one pack lie together, so filling it goes page by page.
 */
import Database from 'better-sqlite3';
import { maxPackBytes } from './pack.ts';
import type { BlockPlace } from './index.ts';

/** SQLite's name for a temporary file that has none. */
const temporary = '';
const cacheKibibytes = 8 * 1024;

export interface PlaceRow {
  readonly set: number;
  readonly bytes: number;
}

export interface PackTotal {
  readonly bytes: number;
  readonly places: number;
}

export class PlaceTable {
  readonly #db: Database.Database;
  readonly #find: Database.Statement<[number], PlaceRow>;
  readonly #put: Database.Statement<[number, number, number]>;
  readonly #remove: Database.Statement<[number]>;
  readonly #sumInPack: Database.Statement<[number, number], PackTotal>;
  readonly #inPack: Database.Statement<[number, number], { place: number; bytes: number }>;

  constructor() {
    this.#db = new Database(temporary);
    this.#db.pragma('journal_mode = OFF'); // nobody needs it after a crash
    this.#db.pragma('synchronous = OFF');
    this.#db.pragma(`cache_size = -${cacheKibibytes}`);
    this.#db.exec(`CREATE TABLE places (
      place INTEGER PRIMARY KEY, points INTEGER NOT NULL, bytes INTEGER NOT NULL)`);
    this.#find = this.#db.prepare('SELECT points AS "set", bytes FROM places WHERE place = ?');
    this.#put = this.#db.prepare('INSERT OR REPLACE INTO places VALUES (?, ?, ?)');
    this.#remove = this.#db.prepare('DELETE FROM places WHERE place = ?');
    this.#sumInPack = this.#db.prepare(
      `SELECT coalesce(sum(bytes), 0) AS bytes, count(*) AS places FROM places
        WHERE place >= ? AND place < ?`,
    );
    this.#inPack = this.#db.prepare(
      'SELECT place, bytes FROM places WHERE place >= ? AND place < ? ORDER BY place',
    );
  }

  /** One transaction: SQLite then takes its locks once. */
  together(work: () => void): void {
    this.#db.transaction(work)();
  }

  find(place: BlockPlace): PlaceRow | undefined {
    return this.#find.get(keyOf(place));
  }

  put(place: BlockPlace, set: number, bytes: number): void {
    this.#put.run(keyOf(place), set, bytes);
  }

  /** One that is not in the table is fine. */
  remove(place: BlockPlace): void {
    this.#remove.run(keyOf(place));
  }

  /** Offsets in a pack and the bytes put with each. */
  inPack(pack: number): ReadonlyMap<number, number> {
    const first = pack * maxPackBytes;
    const rows = this.#inPack.all(first, first + maxPackBytes);
    return new Map(rows.map(({ place, bytes }) => [place - first, bytes]));
  }

  /** How many places of a pack there are, and the bytes put with them. */
  totalIn(pack: number): PackTotal {
    const first = pack * maxPackBytes;
    return this.#sumInPack.get(first, first + maxPackBytes) ?? { bytes: 0, places: 0 };
  }

  /** Bytes by set. */
  *sums(): Iterable<PlaceRow> {
    yield* this.#db
      .prepare<[], PlaceRow>(
        'SELECT points AS "set", sum(bytes) AS bytes FROM places GROUP BY points',
      )
      .iterate();
  }

  close(): void {
    this.#db.close();
  }
}

/** A pack's number and an offset below 2^26 in one number; exact up to 2^27 packs. */
function keyOf({ pack, offset }: BlockPlace): number {
  return pack * maxPackBytes + offset;
}
