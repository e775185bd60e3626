import { expect, test } from 'vitest';
import {
  aboutText,
  clockText,
  dayText,
  durationText,
  exactTimeText,
  isoText,
  momentText,
  relativeText,
  whenText,
} from '../../../../src-renderer/text/times.ts';

const now = new Date(2026, 10, 23, 10, 32).getTime();
const at = (day: number, hour: number, minute = 0) =>
  new Date(2026, 10, day, hour, minute).getTime();

test.each([
  [now - 20_000, 'just now'],
  [now - 61_000, '1 min ago'],
  [now - 8.5 * 3_600_000, '8 h ago'],
  [now - 25 * 3_600_000, '1 day ago'],
  [now - 3 * 86_400_000, '3 days ago'],
  [now - 7 * 86_400_000, '16 Nov'],
  [now + 2 * 3_600_000, 'in 2 h'],
  [new Date(2025, 0, 3, 12).getTime(), '3 Jan 2025'],
])('%d is %s', (time, words) => {
  expect(relativeText(time, now)).toBe(words);
});

test('days have names near today', () => {
  expect(dayText(at(23, 2), now)).toBe('Today');
  expect(dayText(at(22, 23, 59), now)).toBe('Yesterday');
  expect(dayText(at(21, 2), now)).toBe('Sat 21 Nov');
  expect(whenText(at(23, 2), now)).toBe('today, 02:00');
  expect(whenText(at(20, 14), now)).toBe('Fri 20 Nov, 14:00');
});

test('a moment never says today, because a title may stay on the screen', () => {
  expect(momentText(at(23, 2), now)).toBe('Mon 23 Nov, 02:00');
  expect(momentText(new Date(2025, 10, 23, 2).getTime(), now)).toBe('23 Nov 2025, 02:00');
  expect(clockText(at(1, 7, 5))).toBe('07:05');
});

test('the hover has seconds and the zone, the attribute is ISO', () => {
  expect(exactTimeText(at(22, 2))).toMatch(/^22 Nov 2026, 02:00:00 \S+$/);
  expect(isoText(0)).toBe('1970-01-01T00:00:00.000Z');
});

test.each([
  [0, '0 s'],
  [0.03, 'under 0.1 s'],
  [0.44, '0.4 s'],
  [38.4, '38 s'],
  [250, '4 min 10 s'],
  [240, '4 min'],
  [7500, '2 h 5 min'],
  [100 * 3600, '4 days 4 h'],
])('%d s takes %s', (seconds, words) => {
  expect(durationText(seconds)).toBe(words);
});

test.each([
  [3, 'about 10 s'],
  [44, 'about 40 s'],
  [57, 'about 1 min'],
  [250, 'about 4 min'],
  [5500, 'about 1.5 h'],
])('%d s is estimated as %s', (seconds, words) => {
  expect(aboutText(seconds)).toBe(words);
});
