import { describe, expect, test } from 'vitest';
import type { Timeline } from '#contract/moments.ts';
import { lossOf } from '../../../../../src-renderer/views/machine/loss.ts';

const timeline = (of: object): Timeline =>
  ({ reverts: [], points: [], ...of }) as unknown as Timeline;
const revert = (time: number, kept: string | null, lostSince: number | null = null) => ({
  ...{ job: `j${time}`, to: 'a' },
  ...{ time, kept, lostSince },
});
const point = (time: number, damaged = false) => ({ id: `p${time}`, time, damaged });

describe('what a revert has cost', () => {
  test('nothing without a revert, or when it kept where the machine was', () => {
    expect(lossOf(timeline({}))).toBeNull();
    expect(lossOf(timeline({ reverts: [revert(50, 'undo')] }))).toBeNull();
  });

  test('only the newest revert is told of', () => {
    expect(lossOf(timeline({ reverts: [revert(60, 'undo'), revert(50, null)] }))).toBeNull();
    expect(lossOf(timeline({ reverts: [revert(60, null), revert(50, null)] }))?.revert.time).toBe(
      60,
    );
  });

  test('the newest sound restore point of the lost stretch holds part of it', () => {
    const points = [point(20), point(35), point(40, true), point(55)];
    const found = lossOf(timeline({ reverts: [revert(50, null, 30)], points }));
    expect(found?.point?.time).toBe(35);
    expect(lossOf(timeline({ reverts: [revert(50, null, 36)], points }))?.point).toBeNull();
  });
});
