import Database from 'better-sqlite3';
import { AppError, type ErrorCode } from '#contract/errors.ts';

interface Meaning {
  readonly code: ErrorCode;
  readonly words: string;
  readonly advice: string;
}

const noSpace: Meaning = {
  code: 'no-space',
  words: 'There is no space left for',
  advice: 'Free some space on the file system of the data folder and try again.',
};

/** SQLite's result codes (sqlite.org/rescode.html) that have a meaning for a person. */
const meanings: Readonly<Record<string, Meaning>> = {
  SQLITE_FULL: noSpace,
  SQLITE_IOERR_SHMSIZE: noSpace, // the file beside it could not grow (seen on a full disk)
  SQLITE_READONLY: {
    code: 'read-only',
    words: 'Nothing can be written to',
    advice: 'Make the data folder writable for this user, or choose another one with --data.',
  },
  SQLITE_CANTOPEN: {
    code: 'permission-denied',
    words: 'This user may not open',
    advice: 'Make the data folder readable and writable for this user.',
  },
  SQLITE_PERM: {
    code: 'permission-denied',
    words: 'This user may not use',
    advice: 'Make the data folder readable and writable for this user.',
  },
  SQLITE_BUSY: {
    code: 'data-folder-in-use',
    words: 'Another program holds',
    advice: 'Close the other Waymark, or choose another data folder with --data.',
  },
  SQLITE_CORRUPT: {
    code: 'catalog-damaged',
    words: 'The content is damaged in',
    advice: 'Start Waymark again: it moves the damaged file aside and makes a fresh one.',
  },
  SQLITE_NOTADB: {
    code: 'catalog-damaged',
    words: 'There is no catalog in',
    advice: 'Start Waymark again: it moves the damaged file aside and makes a fresh one.',
  },
  SQLITE_IOERR: {
    code: 'file-failed',
    words: 'Reading or writing failed in',
    advice: 'Check the disk that holds the data folder.',
  },
};

/** The AppError for what SQLite threw; anything that is a defect of ours passes unchanged. */
export function sqliteError(thrown: unknown, path: string): unknown {
  if (!(thrown instanceof Database.SqliteError)) return thrown;
  // Extended codes are the primary one and a suffix: SQLITE_IOERR_FSYNC, SQLITE_CORRUPT_INDEX.
  const primary = thrown.code.split('_').slice(0, 2).join('_');
  const meaning = meanings[thrown.code] ?? meanings[primary];
  if (meaning === undefined) return thrown;
  return new AppError(
    meaning.code,
    `${meaning.words} ${path}.`,
    {
      path,
      where: 'data',
      sqlite: thrown.code,
      unharmed: 'Repositories and machines are not touched by this.',
      advice: meaning.advice,
    },
    thrown,
  );
}
