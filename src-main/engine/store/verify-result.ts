/** What a verification is asked and what it says. */
import type { ByteRange, PointName } from './repository.ts';

export interface VerifyOptions {
  readonly point?: PointName;
  /** Blocks done of blocks to do; called at most four times a second. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** One thing that is not as it was written, and all it touches. */
export interface StoreDamage {
  readonly what: 'block' | 'pack' | 'manifest';
  /** Block id, pack id or point id. */
  readonly id: string;
  /** A plain sentence. */
  readonly detail: string;
  readonly touches: readonly TouchedRange[];
}

export interface TouchedRange {
  readonly point: PointName;
  /** Disk target, or "definition", "firmware", "tpm"; '' when the whole point is touched. */
  readonly part: string;
  /** At most `maxReportedRanges` of each part. */
  readonly ranges: readonly ByteRange[];
}

export interface VerifyResult {
  readonly depth: 'structure' | 'data';
  readonly pointsChecked: number;
  readonly blocksChecked: number;
  readonly bytesRead: number;
  readonly seconds: number;
  readonly damage: readonly StoreDamage[];
}
