/** Names and paths a restore suggests, and what is wrong with one a person typed. */

/** As the contract allows. */
export const maxNameCharacters = 128;

/** The libvirt uuid in a machine's id: what stands after the last slash. */
export function uuidOf(machine: string): string {
  return machine.slice(machine.lastIndexOf('/') + 1);
}

/** "web-01-restored", or with a number when that is taken. */
export function freeName(name: string, taken: ReadonlySet<string>): string {
  const base = `${name}-restored`.slice(-maxNameCharacters);
  if (!taken.has(base)) return base;
  for (let number = 2; ; number += 1) {
    const next = `${base}-${number}`;
    if (!taken.has(next)) return next;
  }
}

export type NameProblem = 'need' | 'slash' | 'long' | 'taken';

export function nameProblem(name: string, taken: ReadonlySet<string>): NameProblem | null {
  const trimmed = name.trim();
  if (trimmed === '') return 'need';
  if (trimmed.length > maxNameCharacters) return 'long';
  if (/[\p{Cc}\p{Zl}\p{Zp}/]/u.test(trimmed)) return 'slash';
  return taken.has(trimmed) ? 'taken' : null;
}

/** A machine name as a file name: no slash, no leading dot or dash. */
function fileName(name: string): string {
  const safe = name.replaceAll(/[/\p{Cc}\p{Zl}\p{Zp}]/gu, '_').replace(/^[.-]+/, '_');
  return safe === '' ? 'machine' : safe;
}

/** The image of one disk in a folder. */
export function imagePath(folder: string, name: string, target: string, format: string): string {
  const base = folder === '/' ? '' : folder.replace(/\/+$/, '');
  return `${base}/${fileName(name)}-${target}.${format === 'raw' ? 'img' : format}`;
}

/** The folder a file is in; the root for a file in it. */
export function folderOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at <= 0 ? '/' : path.slice(0, at);
}
