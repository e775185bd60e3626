/**
 * What can happen to a machine, as values: chosen by the dice, printed when something differs, and
 * done again as they are to find a shorter way there.
 */

export interface Write {
  readonly disk: string; // target
  readonly first: number; // sector
  readonly count: number;
  readonly zero: boolean;
}

/** Something that goes wrong in the middle of a longer operation. */
export interface Fault {
  /** `power-cut`: engine, libvirtd and QEMU at once. */
  readonly kind: 'kill-engine' | 'kill-qemu' | 'kill-libvirtd' | 'power-cut' | 'cancel';
  /** When, as a part of how long this operation took lately. */
  readonly at: number;
  /** What is asked for when the change waits to be finished or undone. */
  readonly then: 'finish' | 'undo';
  /** The engine is killed once more while it finishes or undoes. */
  readonly twice: boolean;
  /** The person starts the machine before deciding; only what is off can be. */
  readonly meddle: boolean;
}

/** What another program does behind Waymark's back, with virsh. */
export type Foreign =
  | { readonly do: 'other-snapshot'; readonly external: boolean; readonly memory: boolean }
  | { readonly do: 'other-revert'; readonly alias: string }
  | { readonly do: 'other-snapshot-delete'; readonly alias: string }
  | { readonly do: 'other-checkpoint' }
  | { readonly do: 'other-checkpoint-delete'; readonly which: number };

export type Power =
  | { readonly do: 'start'; readonly paused: boolean }
  | { readonly do: 'stop' }
  | { readonly do: 'pause' }
  | { readonly do: 'resume' }
  | { readonly do: 'save' }; // managed save

export type Crash =
  | { readonly do: 'kill-qemu' }
  | { readonly do: 'kill-libvirtd'; readonly withQemu: boolean }
  | { readonly do: 'kill-engine' }
  | { readonly do: 'power-cut' }
  | { readonly do: 'restart-engine' };

export type Action =
  | {
      readonly do: 'snapshot-create';
      readonly memory: boolean;
      readonly storage: 'auto' | 'internal' | 'external';
      /** Only these targets; null: all. */
      readonly disks: readonly string[] | null;
      readonly during: readonly Write[];
      readonly fault: Fault | null;
    }
  | {
      readonly do: 'snapshot-revert';
      readonly alias: string;
      readonly to: 'as-taken' | 'running' | 'paused' | 'off';
      readonly keep: boolean;
      readonly fault: Fault | null;
    }
  | { readonly do: 'revert-undo'; readonly fault: Fault | null }
  | {
      readonly do: 'snapshot-delete';
      readonly aliases: readonly string[];
      readonly children: boolean;
      readonly fault: Fault | null;
    }
  | { readonly do: 'checkpoint-create'; readonly fault: Fault | null }
  | { readonly do: 'checkpoint-delete'; readonly which: number; readonly fault: Fault | null }
  | { readonly do: 'repair'; readonly details: boolean; readonly fault: Fault | null };

export type Work =
  | { readonly do: 'write'; readonly writes: readonly Write[] }
  | {
      readonly do: 'backup';
      readonly repository: number;
      readonly reread: boolean;
      readonly during: readonly Write[];
      readonly fault: Fault | null;
    }
  | { readonly do: 'point-delete'; readonly which: number }
  | { readonly do: 'restore'; readonly which: number; readonly format: 'raw' | 'qcow2' }
  | Power
  | Crash
  | Foreign
  | Action
  /** Changes content without a word to the model, to prove that differences are found. */
  | { readonly do: 'tamper'; readonly what: 'disk' | 'snapshot' };

export type Operation = Work & {
  /** Its number in the sequence; names and write numbers are made of it. */
  readonly n: number;
};

/** The number of the k-th of at most 99 writes of an operation: says which one is found where. */
export function writeNumber(n: number, k: number): number {
  return n * 100 + k + 1;
}

/** What an operation calls the snapshot it makes. */
export const aliasOf = (n: number) => `s${n}`;
export const keptAliasOf = (n: number) => `kept${n}`;

/** One line of a reproduction. */
export function line(operation: Operation): string {
  return JSON.stringify(operation);
}
