/** Bounds on the fields of a manifest, by hand. Every refusal is `manifest-refused`. */
import { AppError } from '#contract/errors.ts';

export type Fields = Readonly<Record<string, unknown>>;

export function refuse(why: string): never {
  throw new AppError('manifest-refused', `A restore point was refused because ${why}.`, {
    why,
    unharmed: 'Nothing was changed, and every other restore point can still be used.',
    advice: 'Do not trust this restore point; verify the repository.',
  });
}

export function record(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse(`${name} is not a record`);
  }
  return value as Fields;
}

export function list(value: unknown, name: string, maxItems: number): readonly unknown[] {
  if (!Array.isArray(value)) return refuse(`${name} is not a list`);
  if (value.length > maxItems) return refuse(`${name} has more than ${maxItems} entries`);
  return value;
}

/** Text of at most `maxLength` characters without NUL. */
export function text(from: Fields, field: string, maxLength: number): string {
  const value = from[field];
  if (typeof value !== 'string') return refuse(`${field} is not text`);
  if (value.length > maxLength) return refuse(`${field} is longer than ${maxLength} characters`);
  if (value.includes('\0')) return refuse(`${field} has a NUL character`);
  return value;
}

/** A finite number from 0 to `max`. */
export function bounded(from: Fields, field: string, max: number): number {
  const value = from[field];
  if (typeof value !== 'number' || !Number.isFinite(value)) return refuse(`${field} is no number`);
  if (value < 0 || value > max) return refuse(`${field} is out of bounds`);
  return value;
}

/** A whole number from 0 to `max`. */
export function wholeNumber(from: Fields, field: string, max: number): number {
  const value = bounded(from, field, max);
  if (!Number.isSafeInteger(value)) return refuse(`${field} is not a whole number`);
  return value;
}

export function optional<T>(value: unknown, read: () => T): T | null {
  return value === null ? null : read();
}
