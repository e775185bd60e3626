import type { KeyStorage, Repository, RepositoryId, Verification } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import { flag, json, text, whole, type Row, type WritableDb } from './database.ts';

export interface RepositoryRecord {
  /** The id the repository itself carries: the same everywhere it is added. */
  readonly id: RepositoryId;
  readonly name: string;
  readonly path: string;
  readonly encrypted: boolean;
  readonly blockSizeBytes: number;
  readonly keyStorage: KeyStorage;
  readonly practice: boolean;
  readonly recovery: Repository['recovery'];
  readonly lastVerified: Verification | null;
}

/** The repositories a person created or added here. Never holds a key or a password. */
export interface Repositories {
  /** By name. */
  list(): readonly RepositoryRecord[];
  get(id: RepositoryId): RepositoryRecord | null;
  byName(name: string): RepositoryRecord | null;
  /** @throws `name-taken`, or `repository-exists` when this one was added before. */
  insert(repository: RepositoryRecord): void;
  setKeyStorage(id: RepositoryId, keyStorage: KeyStorage): void;
  setRecovery(id: RepositoryId, recovery: Repository['recovery']): void;
  setVerified(id: RepositoryId, verification: Verification): void;
  /** Forgets it and the cache of its points; false when there was none. */
  remove(id: RepositoryId): boolean;
}

const columns = `SELECT id, name, path, encrypted, block_size, key_storage, practice, recovery,
  verified FROM repositories`;

function toRepository(row: Row): RepositoryRecord {
  return {
    id: text(row, 'id') as RepositoryId,
    name: text(row, 'name'),
    path: text(row, 'path'),
    encrypted: flag(row, 'encrypted'),
    blockSizeBytes: whole(row, 'block_size'),
    keyStorage: text(row, 'key_storage') as KeyStorage,
    practice: flag(row, 'practice'),
    recovery: text(row, 'recovery') as Repository['recovery'],
    lastVerified: row['verified'] === null ? null : (json(row, 'verified') as Verification),
  };
}

export function repositoryQueries(db: WritableDb): Repositories {
  const one = (where: string, value: string) => {
    const row = db.get(`${columns} WHERE ${where} = ?`, value);
    return row === undefined ? null : toRepository(row);
  };
  const set = (column: string, id: RepositoryId, value: string) => {
    db.run(`UPDATE repositories SET ${column} = ? WHERE id = ?`, value, id);
  };
  return {
    list: () => db.all(`${columns} ORDER BY name`).map(toRepository),
    get: (id) => one('id', id),
    byName: (name) => one('name', name),
    insert: (repository) => {
      db.transaction(() => {
        refuseTaken(repository, one('id', repository.id), one('name', repository.name));
        db.run(
          `INSERT INTO repositories (id, name, path, encrypted, block_size, key_storage, practice,
            recovery, verified) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
          repository.id,
          repository.name,
          repository.path,
          repository.encrypted ? 1 : 0,
          repository.blockSizeBytes,
          repository.keyStorage,
          repository.practice ? 1 : 0,
          repository.recovery,
          repository.lastVerified === null ? null : JSON.stringify(repository.lastVerified),
        );
      });
    },
    setKeyStorage: (id, keyStorage) => {
      set('key_storage', id, keyStorage);
    },
    setRecovery: (id, recovery) => {
      set('recovery', id, recovery);
    },
    setVerified: (id, verification) => {
      set('verified', id, JSON.stringify(verification));
    },
    remove: (id) => db.run('DELETE FROM repositories WHERE id = ?', id) > 0,
  };
}

function refuseTaken(
  wanted: RepositoryRecord,
  sameId: RepositoryRecord | null,
  sameName: RepositoryRecord | null,
): void {
  if (sameId !== null) {
    throw new AppError(
      'repository-exists',
      `The repository at ${wanted.path} is already here, as "${sameId.name}" at ${sameId.path}.`,
      {
        id: sameId.id,
        name: sameId.name,
        path: sameId.path,
        advice: `If it was moved, remove "${sameId.name}" here first; its folder stays as it is.`,
      },
    );
  }
  if (sameName !== null) {
    throw new AppError('name-taken', `There is already a repository named "${wanted.name}".`, {
      name: wanted.name,
      advice: 'Choose another name.',
    });
  }
}
