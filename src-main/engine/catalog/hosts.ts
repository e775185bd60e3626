import type { HostId } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import { flag, text, type Row, type WritableDb } from './database.ts';

export interface HostRecord {
  readonly id: HostId;
  readonly name: string;
  readonly uri: string;
  readonly practice: boolean;
}

/** The libvirt connections a person added. */
export interface Hosts {
  /** By name. */
  list(): readonly HostRecord[];
  get(id: HostId): HostRecord | null;
  byName(name: string): HostRecord | null;
  /** @throws `name-taken` */
  insert(host: HostRecord): void;
  /** False when there was none. */
  remove(id: HostId): boolean;
}

const columns = 'SELECT id, name, uri, practice FROM hosts';

function toHost(row: Row): HostRecord {
  return {
    id: text(row, 'id') as HostId,
    name: text(row, 'name'),
    uri: text(row, 'uri'),
    practice: flag(row, 'practice'),
  };
}

export function hostQueries(db: WritableDb): Hosts {
  const byName = (name: string) => {
    const row = db.get(`${columns} WHERE name = ?`, name);
    return row === undefined ? null : toHost(row);
  };
  return {
    list: () => db.all(`${columns} ORDER BY name`).map(toHost),
    get: (id) => {
      const row = db.get(`${columns} WHERE id = ?`, id);
      return row === undefined ? null : toHost(row);
    },
    byName,
    insert: (host) => {
      db.transaction(() => {
        if (byName(host.name) !== null) {
          throw new AppError('name-taken', `There is already a host named "${host.name}".`, {
            name: host.name,
            advice: 'Choose another name.',
          });
        }
        db.run(
          'INSERT INTO hosts (id, name, uri, practice) VALUES (?, ?, ?, ?)',
          host.id,
          host.name,
          host.uri,
          host.practice ? 1 : 0,
        );
      });
    },
    remove: (id) => db.run('DELETE FROM hosts WHERE id = ?', id) > 0,
  };
}
