import { describe, expect, test } from 'vitest';
import type { Machine, Protection } from '#contract/domain.ts';
import { countByProtection } from '../../../../../src-renderer/views/machines/machine-list.ts';
import {
  summaryText,
  worstText,
} from '../../../../../src-renderer/views/machines/protection-words.ts';

const day = 86_400_000;
const now = new Date(2026, 10, 26, 12).getTime();
function machine(name: string, protection: Protection, age: number | null): Machine {
  const lastPoint = age === null ? null : { time: now - age * day };
  return { name, protection, lastPoint } as Machine;
}

describe('the first line of the first screen', () => {
  test('how many are protected, of all there are', () => {
    const machines = [
      machine('a', 'protected', 0),
      machine('b', 'overdue', 4),
      machine('c', 'never', null),
    ];
    expect(summaryText(countByProtection(machines), 3)).toBe('1 of 3 machines are protected');
  });

  test('without any plan nothing is called protected', () => {
    const machines = [machine('a', 'not-planned', 1), machine('c', 'never', null)];
    expect(summaryText(countByProtection(machines), 2)).toBe('1 of 2 machines have restore points');
  });

  test('the one that is late, by name and since when', () => {
    expect(worstText([machine('a', 'protected', 0), machine('b', 'overdue', 2)], now)).toBe(
      'b has no good point since Tuesday.',
    );
    expect(worstText([machine('b', 'failing', 30)], now)).toBe('b has no good point since 27 Oct.');
  });

  test('of several the one that waits longest; one without any point first of all', () => {
    const two = [machine('a', 'overdue', 1), machine('b', 'failing', 3)];
    expect(worstText(two, now)).toBe('2 are late; b has no good point since Monday.');
    expect(worstText([...two, machine('c', 'failing', null)], now)).toBe(
      '3 are late; c has no good point at all.',
    );
  });

  test('nothing is said when nothing is late', () => {
    expect(worstText([machine('a', 'protected', 0), machine('c', 'never', null)], now)).toBe('');
  });
});
