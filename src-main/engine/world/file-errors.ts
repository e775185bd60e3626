import { AppError, type ErrorCode } from '#contract/errors.ts';

const codes: Readonly<Record<string, { code: ErrorCode; words: string }>> = {
  ENOSPC: { code: 'no-space', words: 'There is no space left for' },
  EDQUOT: { code: 'no-space', words: 'The quota is used up for' },
  EROFS: { code: 'read-only', words: 'The file system is read-only at' },
  EACCES: { code: 'permission-denied', words: 'This user may not use' },
  EPERM: { code: 'permission-denied', words: 'This user may not change' },
  ENOENT: { code: 'path-not-found', words: 'There is nothing at' },
  ENOTDIR: { code: 'path-invalid', words: 'A part of this path is not a folder:' },
  EISDIR: { code: 'path-invalid', words: 'This is a folder, not a file:' },
  EEXIST: { code: 'path-exists', words: 'Something is already at' },
  ENAMETOOLONG: { code: 'path-invalid', words: 'A name is too long in' },
};

/** The AppError for a failed file operation; an AppError passes through unchanged. */
export function fileError(thrown: unknown, path: string): AppError {
  if (thrown instanceof AppError) return thrown;
  const errno = errnoOf(thrown);
  const known = codes[errno];
  if (known !== undefined) {
    return new AppError(known.code, `${known.words} ${path}.`, { path, errno }, thrown);
  }
  return new AppError(
    'file-failed',
    `A file operation failed (${errno}) at ${path}.`,
    { path, errno },
    thrown,
  );
}

/** Node's error code ("ENOENT"), or "unknown". */
export function errnoOf(thrown: unknown): string {
  if (typeof thrown === 'object' && thrown !== null && 'code' in thrown) return String(thrown.code);
  return 'unknown';
}
