import { describe, expect, test } from 'vitest';
import type { Point } from '#contract/domain.ts';
import type { Checkpoint, Revert } from '#contract/moments.ts';
import { checkpointRows } from '../../../../../src-renderer/views/machine/checkpoint-rows.ts';

const attic = { id: 'r1', name: 'attic' };
const vault = { id: 'r2', name: 'vault' };

function point(time: number, repository = attic, reason?: string): Point {
  const disks = [{ reason }];
  return { time, repository, checkpoint: `c${time}`, disks } as unknown as Point;
}
function checkpoint(name: string, time: number, change: Partial<Checkpoint> = {}): Checkpoint {
  return { name, time, owner: 'ours', repository: attic, ...change } as unknown as Checkpoint;
}

describe('checkpointRows', () => {
  test('a row a repository: ticks where references were, the live one apart', () => {
    const rows = checkpointRows([checkpoint('c3', 3)], [point(1), point(2), point(3)], []);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ name: 'attic', ticks: [1, 2], gaps: [] });
    expect(rows[0]?.live.map(({ name }) => name)).toEqual(['c3']);
  });

  test('a lost reference is a gap, explained by a revert since the backup before', () => {
    const reverts = [{ time: 4, to: 'a' } as unknown as Revert];
    const points = [point(1), point(5, attic, 'reference-lost'), point(9, attic, 'reference-lost')];
    expect(checkpointRows([], points, reverts)[0]?.gaps).toEqual([
      { time: 5, why: 'revert' },
      { time: 9, why: 'unknown' },
    ]);
  });

  test('those with a live reference first; other programs last', () => {
    const foreign = checkpoint('theirs', 2, { owner: 'foreign', repository: null });
    const live = checkpoint('c2', 2, { repository: vault as Checkpoint['repository'] });
    const rows = checkpointRows([foreign, live], [point(1), point(2, vault)], []);
    expect(rows.map(({ name, owner }) => name || owner)).toEqual(['vault', 'attic', 'foreign']);
  });
});
