/**
 * Heights of the rows of the timeline, in pixels, and where each begins. An empty lane is slim, a
 * full one grows with its branches and rulers; labels beside and drawing use the same numbers.
 */

const axisHeight = 30;
/** The name of the lane and two lines below it, whatever the language needs of them. */
const emptyHeight = 66;
const overviewHeight = 34;

const snapshotLine = 42;
const snapshotBranch = 26;
const snapshotFoot = 24;
const checkpointFirst = 26;
const checkpointStep = 25;
const checkpointFoot = 15;
const pointHeight = 78;
const pointFoot = 8;

export interface Row {
  readonly top: number;
  readonly height: number;
}

export interface Geometry {
  readonly axis: Row;
  readonly snapshot: Row;
  readonly checkpoint: Row;
  readonly point: Row;
  readonly overview: Row;
  readonly height: number;
}

export interface Content {
  /** Rows of the snapshot tree; 0 without snapshots. */
  readonly snapshotRows: number;
  readonly checkpointRows: number;
}

export function geometryOf(content: Content): Geometry {
  const snapshots =
    content.snapshotRows === 0
      ? emptyHeight
      : Math.max(
          emptyHeight,
          snapshotLine + (content.snapshotRows - 1) * snapshotBranch + snapshotFoot,
        );
  const checkpoints =
    content.checkpointRows === 0
      ? emptyHeight
      : Math.max(
          emptyHeight,
          checkpointFirst + (content.checkpointRows - 1) * checkpointStep + checkpointFoot,
        );
  let top = 0;
  const row = (height: number): Row => {
    const at = { top, height };
    top += height;
    return at;
  };
  return {
    axis: row(axisHeight),
    snapshot: row(snapshots),
    checkpoint: row(checkpoints),
    point: row(pointHeight),
    overview: row(overviewHeight),
    height: top,
  };
}

/** The y of a row of the snapshot tree, inside its lane. */
export function snapshotY(row: number): number {
  return snapshotLine + row * snapshotBranch;
}

/** The y of a checkpoint ruler, inside its lane. */
export function checkpointY(row: number): number {
  return checkpointFirst + row * checkpointStep;
}

/** The ground line restore points stand on, inside their lane. */
export const pointGround = pointHeight - pointFoot;
