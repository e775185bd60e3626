import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { systemClock } from '#engine/world/clock.ts';

test('since the start of the computer, as the kernel says it', () => {
  const [seconds = ''] = readFileSync('/proc/uptime', 'utf8').split(' ');
  expect(Math.abs(systemClock.sinceBoot() - Number(seconds) * 1000)).toBeLessThan(5000);
});
