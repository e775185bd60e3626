/** What is measured, and the shape of everyone who takes part. */
import type { Command } from './measure.ts';

export const works = ['first', 'unchanged', 'changed', 'restore'] as const;
export type Work = (typeof works)[number];

export const workTitles: Readonly<Record<Work, string>> = {
  first: 'first backup',
  unchanged: 'second backup, nothing changed',
  changed: 'backup after scattered changes',
  restore: 'restore of the disk to a file',
};

export interface Contender {
  readonly name: string;
  /** How it gets at the bytes, for the table. */
  readonly reads: string;
  /** Folder whose growth counts; null for what only copies. */
  readonly repository: string | null;
  /** Makes a clean state; not measured. */
  prepare(): Promise<void>;
  /** Null where it has no such work. May do what is not measured, such as touching a file. */
  command(work: Work): Promise<Command | null>;
  /** Looks at the result and throws if it is wrong; cleans up. Not measured. */
  after?(work: Work, stdout: string): Promise<void>;
}

/** Where things are, the same for all. */
export interface Place {
  /** Everything of this run. */
  readonly folder: string;
  /** The disk as a raw file; changed in place before the work "changed". */
  readonly rawDisk: string;
  /** The disk as a qcow2 file, which an idle machine has open; changed like rawDisk. */
  readonly qcow2Image: string;
  readonly uri: string;
  /** Makes a folder, with its parents, that belongs to the user everything runs as. */
  makeFolder(path: string): Promise<void>;
}
