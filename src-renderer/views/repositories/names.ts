/** Whether a name can be given; the same rule as the contract's, in words. Pure. */
import { t } from '../../text/catalogue.ts';

const maxNameLength = 128;

export function nameProblem(name: string, taken: readonly string[]): string | null {
  const plain = name.trim();
  if (plain === '') return t('create.name-needed');
  if (plain.length > maxNameLength || /[\p{Cc}\p{Zl}\p{Zp}/]/u.test(plain)) {
    return t('create.name-bad');
  }
  return taken.includes(plain) ? t('create.name-taken') : null;
}

/** A name to start with: the last part of the path. */
export function nameFromPath(path: string): string {
  return path.split('/').findLast((part) => part !== '') ?? '';
}
