/** Words that several planners put into their sentences. */
import type { MachineFacts } from '#engine/interlock/facts.ts';

/** More names than this are told as a number. */
const maxListed = 10;

/** "a", "a and b", "a, b and c"; from eleven on "a, … and 5 more". */
export function listed(names: readonly string[]): string {
  const shown =
    names.length <= maxListed
      ? [...names]
      : [...names.slice(0, maxListed), `${names.length - maxListed} more`];
  const last = shown.pop() ?? '';
  return shown.length === 0 ? last : `${shown.join(', ')} and ${last}`;
}

/** "1 checkpoint", "2 checkpoints". */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];

/** IEC, one decimal from KiB on: "4.6 GiB". */
export function bytesInWords(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ''}`;
}

/** What is not touched, in one sentence. `gone`: snapshots the plan itself deletes. */
export function whatStays({ snapshots, pointCount }: MachineFacts, gone = 0): string {
  const parts = [
    ...(snapshots.length > gone ? [counted(snapshots.length - gone, 'snapshot')] : []),
    ...(pointCount > 0 ? [counted(pointCount, 'restore point')] : []),
  ];
  if (parts.length === 0) return 'Nothing else is touched.';
  const one = parts.length === 1 && parts[0]?.startsWith('1 ') === true;
  return `${parts.join(' and ')} ${one ? 'stays as it is' : 'stay as they are'}.`;
}
