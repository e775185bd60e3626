import { expect, test } from 'vitest';
import { pauseChoices } from '../../../../../src-renderer/views/plans/pause-choices.ts';

const at = (hour: number) => new Date(2026, 10, 26, hour, 30).getTime();

test('by day: tonight, tomorrow morning, in a week, until somebody resumes it', () => {
  expect(pauseChoices(at(9)).map(({ kind, until }) => [kind, until])).toEqual([
    ['tonight', new Date(2026, 10, 26, 20).getTime()],
    ['tomorrow', new Date(2026, 10, 27, 8).getTime()],
    ['week', new Date(2026, 11, 3, 8).getTime()],
    ['open', null],
  ]);
});

test('in the evening tonight is not offered: it is over', () => {
  expect(pauseChoices(at(20)).map(({ kind }) => kind)).toEqual(['tomorrow', 'week', 'open']);
});
