import { describe, expect, test } from 'vitest';
import type { Point, RepositoryId } from '#contract/domain.ts';
import type { Checkpoint } from '#contract/moments.ts';
import {
  gaugeShare,
  newestReference,
  usualChange,
} from '../../../../../src-renderer/views/machine/changed-since.ts';

const attic = 'attic' as RepositoryId;

function point(time: number, readBytes: number, mode = 'changed-only', repository = attic): Point {
  return { time, readBytes, repository: { id: repository }, disks: [{ mode }] } as unknown as Point;
}

describe('the usual amount of change', () => {
  test('is the median of the last backups that read only what changed, to this repository', () => {
    const points = [
      point(1, 900, 're-read'),
      point(2, 10),
      point(3, 30),
      point(4, 20),
      point(5, 5000, 'changed-only', 'vault' as RepositoryId),
    ];
    expect(usualChange(points, attic)).toBe(20);
  });

  test('only the last ten count', () => {
    const old = Array.from({ length: 20 }, (_, at) => point(at, 1000));
    const last = Array.from({ length: 10 }, (_, at) => point(100 + at, 7));
    expect(usualChange([...old, ...last], attic)).toBe(7);
  });

  test('one backup, none, or backups of nothing tell nothing', () => {
    expect(usualChange([point(1, 10)], attic)).toBeNull();
    expect(usualChange([], attic)).toBeNull();
    expect(usualChange([point(1, 0), point(2, 0)], attic)).toBeNull();
  });

  test('stands in the middle of the gauge, which is full at twice as much', () => {
    expect(gaugeShare(20, 20)).toBe(0.5);
    expect(gaugeShare(0, 20)).toBe(0);
    expect(gaugeShare(900, 20)).toBe(1);
  });
});

test('the newest reference, not the newest mark', () => {
  const mark = (name: string, time: number, role: Checkpoint['role']) =>
    ({ name, time, role }) as unknown as Checkpoint;
  const marks = [mark('b', 5, 'reference'), mark('a', 2, 'reference'), mark('c', 9, 'foreign')];
  expect(newestReference(marks)?.name).toBe('b');
  expect(newestReference([mark('c', 9, 'unused')])).toBeNull();
});
