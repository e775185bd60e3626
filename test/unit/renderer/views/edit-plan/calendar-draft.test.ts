import { expect, test } from 'vitest';
import {
  kindOf,
  ofKind,
  withDay,
  withOneMore,
} from '../../../../../src-renderer/views/edit-plan/calendar-draft.ts';

test('the time of day goes along when the kind is changed', () => {
  const daily = { kind: 'daily', at: ['04:30', '16:00'] } as const;
  expect(ofKind('weekly', { ...daily, at: [...daily.at] })).toEqual({
    kind: 'weekly',
    days: ['sun'],
    at: '04:30',
  });
  expect(ofKind('daily', { kind: 'monthly', day: 3, at: '05:00' })).toEqual({
    kind: 'daily',
    at: ['05:00'],
  });
  expect(ofKind('none', null)).toBeNull();
  expect(kindOf(null)).toBe('none');
});

test('one more time is half a day later, in order, and never one that is there', () => {
  expect(withOneMore(['02:00'])).toEqual(['02:00', '14:00']);
  expect(withOneMore(['02:00', '14:00'])).toEqual(['02:00', '03:00', '14:00']);
  const full = Array.from({ length: 24 }, (_, hour) => `${String(hour).padStart(2, '0')}:00`);
  expect(withOneMore(full)).toEqual(full);
});

test('days stay in the order of the week', () => {
  expect(withDay(['fri'], 'mon', true)).toEqual(['mon', 'fri']);
  expect(withDay(['mon', 'fri'], 'mon', false)).toEqual(['fri']);
});
