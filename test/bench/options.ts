/** What `npm run bench -- …` understands. */
import { parseArgs } from 'node:util';

export interface BenchOptions {
  readonly diskBytes: number;
  readonly contentBytes: number;
  readonly changedBytes: number;
  /** Size of the sparse disk that shows whether memory grows with the disk. */
  readonly largeDiskBytes: number;
  readonly largeContentBytes: number;
  /** Where images and repositories go; must have room for about seven times the content. */
  readonly folder: string;
  /** Contenders to run; empty for all. */
  readonly only: readonly string[];
  /** A folder for V8 CPU profiles of our own runs; '' for none. They slow the runs down. */
  readonly profile: string;
  /** Leave the folder behind, to look at. */
  readonly keep: boolean;
}

export const usage = `npm run bench -- [--quick] [--size GiB] [--content GiB] [--changes MiB]
  [--folder DIR] [--only waymark,restic,borg,virtnbdbackup,nbdcopy,qemu-img]
  [--profile DIR] [--keep]`;

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

/** Throws with a sentence for a person. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      size: { type: 'string' },
      content: { type: 'string' },
      changes: { type: 'string' },
      folder: { type: 'string', default: '/var/tmp' },
      only: { type: 'string', default: '' },
      profile: { type: 'string', default: '' },
      keep: { type: 'boolean', default: false },
    },
  });
  const defaults = values.quick
    ? { size: 1, content: 0.5, changes: 6, large: 8, largeContent: 0.25 }
    : { size: 8, content: 4, changes: 46, large: 64, largeContent: 1 };
  const size = positive(values.size, defaults.size, '--size');
  const content = positive(values.content, Math.min(defaults.content, size / 2), '--content');
  if (content > size * 0.9) throw new Error('--content must leave a tenth of --size free');
  return {
    diskBytes: Math.round(size * 1024) * MiB,
    contentBytes: Math.round(content * GiB),
    changedBytes: Math.round(positive(values.changes, defaults.changes, '--changes') * MiB),
    largeDiskBytes: defaults.large * GiB,
    largeContentBytes: defaults.largeContent * GiB,
    folder: values.folder,
    only: values.only === '' ? [] : values.only.split(','),
    profile: values.profile,
    keep: values.keep,
  };
}

function positive(text: string | undefined, otherwise: number, name: string): number {
  const value = text === undefined ? otherwise : Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new Error(`${name} must be a number above zero`);
}
