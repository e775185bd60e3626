/**
 * The name a new snapshot is offered: the day and minute, which sorts, reads the same in virsh and
 * in the names of files that are made of it.
 */

const digits = (value: number, length = 2): string => String(value).padStart(length, '0');

/** "2026-11-23-1032", local time, with a number behind it when that is taken. */
export function usualName(now: number, taken: readonly string[]): string {
  const date = new Date(now);
  const day = [date.getFullYear(), digits(date.getMonth() + 1), digits(date.getDate())].join('-');
  const name = `${day}-${digits(date.getHours())}${digits(date.getMinutes())}`;
  const used = new Set(taken);
  if (!used.has(name)) return name;
  let number = 2;
  while (used.has(`${name}-${number}`)) number += 1;
  return `${name}-${number}`;
}
