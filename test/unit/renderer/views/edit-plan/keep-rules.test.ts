import { expect, test } from 'vitest';
import { retentionPresets } from '#contract/plan-defaults.ts';
import {
  presetOf,
  reachOf,
  ruleFor,
} from '../../../../../src-renderer/views/edit-plan/keep-rules.ts';

test('numbers are those of a preset, one’s own, or everything', () => {
  expect(presetOf({ ...retentionPresets.short })).toBe('short');
  expect(presetOf({ ...retentionPresets.short, daily: 15 })).toBe('own');
  expect(presetOf(null)).toBe('all');
});

test('a preset and the way back to it', () => {
  expect(ruleFor('long', null)).toEqual(retentionPresets.long);
  expect(ruleFor('all', { ...retentionPresets.long })).toBeNull();
  const mine = { last: 1, hourly: 0, daily: 2, weekly: 0, monthly: 0, yearly: 0 };
  expect(ruleFor('own', mine)).toEqual(mine);
  expect(ruleFor('own', null)).toEqual(retentionPresets.balanced);
});

test('how far back a line reaches, by the calendar', () => {
  const now = new Date(2026, 10, 26, 12).getTime();
  expect(reachOf('daily', 10, now)).toBe(new Date(2026, 10, 17, 12).getTime());
  expect(reachOf('weekly', 1, now)).toBe(now);
  expect(reachOf('monthly', 12, now)).toBe(new Date(2025, 11, 1, 12).getTime());
  expect(reachOf('yearly', 3, now)).toBe(new Date(2024, 0, 1, 12).getTime());
  expect(reachOf('last', 3, now)).toBeNull();
  expect(reachOf('daily', 0, now)).toBeNull();
  expect(reachOf('yearly', 1000, now)).not.toBeNaN();
});
