import { expect, test } from 'vitest';
import { allZones, localZone, zonedMomentText } from '../../../../src-renderer/text/zoned-times.ts';

const now = Date.UTC(2026, 10, 26, 12);

test('a moment on the clock of another zone, in winter and in summer', () => {
  const winter = Date.UTC(2026, 10, 27, 1);
  expect(zonedMomentText(winter, now, 'Europe/Berlin')).toBe('Fri 27 Nov, 02:00');
  expect(zonedMomentText(winter, now, 'America/New_York')).toBe('Thu 26 Nov, 20:00');
  const summer = Date.UTC(2026, 6, 1, 1);
  expect(zonedMomentText(summer, now, 'Europe/Berlin')).toBe('Wed 1 Jul, 03:00');
});

test('another year is named', () => {
  expect(zonedMomentText(Date.UTC(2027, 1, 3, 1), now, 'UTC')).toBe('Wed 3 Feb 2027, 01:00');
});

test('a zone nobody knows is shown on the clock of this computer', () => {
  expect(zonedMomentText(now, now, 'Mars/Olympus')).toBe(zonedMomentText(now, now, localZone()));
});

test('every zone to choose from is there once, this computer’s first', () => {
  const zones = allZones();
  expect(zones[0]).toBe(localZone());
  expect(zones).toContain('UTC');
  expect(new Set(zones).size).toBe(zones.length);
});
