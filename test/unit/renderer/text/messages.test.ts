import { describe, expect, test } from 'vitest';
import { AppError, errorCodes } from '#contract/errors.ts';
import { messages, wordsOf } from '../../../../src-renderer/text/messages.ts';

describe('messages', () => {
  test.each(errorCodes)('%s has a title and an advice a person can act on', (code) => {
    const { title, advice } = messages[code];
    expect(title).toMatch(/^[A-Zl]/); // libvirt is written small
    expect(title).not.toMatch(/[.!]$/);
    expect(advice).toMatch(/[.]$/);
    expect(`${title} ${advice}`).not.toMatch(/please|oops|!/i);
  });

  test('the engine’s own advice wins over the general one', () => {
    const error = new AppError('no-space', 'The scratch folder is full.', {
      advice: 'Free 14 GiB in /var.',
      unharmed: 'Its 11 points are complete.',
      logId: 'E-7F31',
    });
    expect(wordsOf(error)).toMatchObject({
      severity: 'problem',
      title: 'There is not enough space',
      what: 'The scratch folder is full.',
      unharmed: 'Its 11 points are complete.',
      advice: 'Free 14 GiB in /var.',
      id: 'E-7F31',
    });
  });

  test('data that is not text is not shown as text', () => {
    const error = new AppError('refused', 'No.', { advice: 7, unharmed: ['a'] });
    expect(wordsOf(error)).toMatchObject({ unharmed: '', id: 'refused' });
    expect(wordsOf(error).advice).toBe(messages.refused.advice);
  });
});
