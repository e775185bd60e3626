/** What a look at a folder means for creating or opening a repository in it. Pure. */
import type { FolderCheck } from '#contract/app.ts';
import { t } from '../../text/catalogue.ts';
import { bytesText } from '../../text/numbers.ts';

export interface FolderWords {
  readonly ok: boolean;
  readonly words: string;
  /** A repository is there: opening it is what was meant. */
  readonly openInstead: boolean;
}

const bad = (words: string, openInstead = false): FolderWords => ({
  ok: false,
  words,
  openInstead,
});
const good = (words: string): FolderWords => ({ ok: true, words, openInstead: false });

/** Wrong without asking anyone; null when the folder must be looked at. */
export function pathProblem(path: string): string | null {
  if (path.trim() === '') return t('create.folder-needed');
  return path.startsWith('/') ? null : t('create.folder-relative');
}

export function forCreating(check: FolderCheck): FolderWords {
  if (check.repository) return bad(t('create.folder-is-repository'), true);
  if (check.exists && !check.isFolder) return bad(t('create.folder-file'));
  if (check.exists && !check.empty) return bad(t('create.folder-not-empty'));
  if (!check.writable) return bad(t('create.folder-not-writable'));
  if (check.freeBytes === null) {
    return good(check.exists ? t('create.folder-fine-unknown') : t('create.folder-new-unknown'));
  }
  if (check.freeBytes === 0) return bad(t('create.folder-full'));
  const free = bytesText(check.freeBytes);
  return good(check.exists ? t('create.folder-fine', { free }) : t('create.folder-new', { free }));
}

export function forOpening(check: FolderCheck): FolderWords {
  if (!check.exists) return bad(t('add.folder-missing'));
  return check.repository ? good(t('add.folder-fine')) : bad(t('add.folder-no-repository'));
}
