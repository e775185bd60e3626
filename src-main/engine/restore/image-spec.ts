/** One image that a restore shall make, and how it tells of its progress. */
import type { TreeRoot } from '#engine/store/repository.ts';

export interface ImageSpec {
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  readonly root: TreeRoot;
  /** Who the file shall belong to; null leaves it ours. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
  /** A folder for the NBD socket, short enough for one. */
  readonly socketFolder: string;
}

export interface ImageProgress {
  readonly signal: AbortSignal;
  /** Bytes more are written. */
  readonly onWritten: (bytes: number) => void;
  /** Bytes more were read back and are right. */
  readonly onChecked: (bytes: number) => void;
}
