import { describe, expect, test } from 'vitest';
import { settle, skipped, summaryLine, tally, type Outcome } from '../../run/outcome.ts';

const passed: Outcome = { status: 'passed', name: 'a' };
const failed: Outcome = { status: 'failed', name: 'b', why: 'wrong' };

test('the last line adds up what every runner reported', () => {
  const outcomes = [passed, passed, failed, skipped('c', 'no KVM')];
  expect(summaryLine(tally(outcomes))).toBe('2 passed, 1 failed, 1 skipped');
});

test('a skip without a reason is a failure', () => {
  expect(skipped('c', undefined).status).toBe('failed');
  expect(skipped('c', ' ').status).toBe('failed');
  expect(skipped('c', 'no KVM')).toEqual({ status: 'skipped', name: 'c', why: 'no KVM' });
});

describe('a runner that ends badly is never green', () => {
  test.each([
    ['no report', null, 0],
    ['no report and a kill', null, null],
    ['an empty report', [], 0],
    ['a clean report and a bad exit', [passed], 1],
    ['a clean report and a kill', [passed], null],
  ])('%s', (_title, reported, code) => {
    expect(tally(settle('runner', reported, code)).failed).toBe(1);
  });

  test('a reported failure is not counted twice', () => {
    expect(settle('runner', [passed, failed], 1)).toEqual([passed, failed]);
  });

  test('a clean report and a clean exit stay as they are', () => {
    expect(settle('runner', [passed], 0)).toEqual([passed]);
  });
});
