import { expect, test } from 'vitest';
import {
  checkpointY,
  geometryOf,
  pointGround,
  snapshotY,
} from '../../../../../src-renderer/views/machine/geometry.ts';

/** The name of a lane and two wrapped lines under it: 8 above, 16, then 3 and twice 16. */
const labelHeight = 8 + 16 + 3 + 2 * 16;

test.each([
  [0, 0],
  [1, 1],
  [3, 2],
])('%d snapshot rows and %d rulers leave room for the words beside', (snapshots, checkpoints) => {
  const { snapshot, checkpoint, point } = geometryOf({
    snapshotRows: snapshots,
    checkpointRows: checkpoints,
  });
  for (const lane of [snapshot, checkpoint, point]) {
    expect(lane.height).toBeGreaterThanOrEqual(labelHeight);
  }
});

test('rows follow each other without a gap', () => {
  const all = geometryOf({ snapshotRows: 2, checkpointRows: 3 });
  const rows = [all.axis, all.snapshot, all.checkpoint, all.point, all.overview];
  let top = 0;
  for (const row of rows) {
    expect(row.top).toBe(top);
    top += row.height;
  }
  expect(all.height).toBe(top);
});

test('what is drawn stays inside its lane', () => {
  const { snapshot, checkpoint, point } = geometryOf({ snapshotRows: 5, checkpointRows: 6 });
  expect(snapshotY(4)).toBeLessThan(snapshot.height);
  expect(checkpointY(5)).toBeLessThan(checkpoint.height);
  expect(pointGround).toBeLessThan(point.height);
});
