/**
 * What a person can ask of a machine's snapshots and checkpoints, and the plan Waymark answers
 * with. One plan is what the dialog shows, what `--json` prints and what runs: `fingerprint` is
 * made of the steps that would run, so a start with it runs those or is refused.
 */
import * as v from 'valibot';
import type { Check, MachineId, Named } from './domain.ts';
import type { SnapshotStorage } from './moments.ts';

/** Most snapshots, checkpoints or findings one action names. */
export const maxNamed = 1000;
const maxDescriptionLength = 2000;

const existing = v.pipe(v.string(), v.minLength(1), v.maxLength(1024));
const some = v.pipe(v.array(existing), v.minLength(1), v.maxLength(maxNamed));
const target = v.pipe(v.string(), v.minLength(1), v.maxLength(64));

export const actionCheck = v.variant('kind', [
  v.strictObject({
    kind: v.literal('snapshot-create'),
    /** Checked by the planner, which says what is wrong with it in words. */
    name: v.pipe(v.string(), v.maxLength(1024)),
    description: v.pipe(v.string(), v.maxLength(maxDescriptionLength)),
    /** Disks and memory ("full system"); false: disks only. A stopped machine has no memory. */
    memory: v.boolean(),
    /** `auto` lets the planner choose and say why. */
    storage: v.picklist(['auto', 'internal', 'external']),
    /** Freeze the file systems where the guest agent answers and it makes sense. */
    freeze: v.boolean(),
    /** Targets; null: every disk that can take part. */
    disks: v.nullable(v.pipe(v.array(target), v.minLength(1), v.maxLength(256))),
  }),
  v.strictObject({
    kind: v.literal('snapshot-revert'),
    name: existing,
    /** `as-taken`: running if it was taken with memory, else off. */
    to: v.picklist(['as-taken', 'running', 'paused', 'off']),
    /** Keep where the machine is now as a snapshot, so that the revert can be undone. */
    keep: v.boolean(),
  }),
  /** Go back to where the machine was before its newest revert. */
  v.strictObject({ kind: v.literal('revert-undo') }),
  v.strictObject({
    kind: v.literal('snapshot-delete'),
    names: some,
    /** With all that were taken after them. */
    children: v.boolean(),
  }),
  v.strictObject({ kind: v.literal('checkpoint-create') }),
  v.strictObject({ kind: v.literal('checkpoint-delete'), names: some }),
  /** `findings` are ids of a report of the doctor, `details` as that one was asked for. */
  v.strictObject({ kind: v.literal('repair'), findings: some, details: v.boolean() }),
]);
export type MachineAction = v.InferOutput<typeof actionCheck>;

/** One step of a plan, in words. */
export interface PlanStep {
  readonly title: string; // "Remove the checkpoints of attic and usb-vault"
  readonly detail: string; // "Both were made by Waymark"; may be empty
  /** What it costs; null where not known. Zero bytes and zero seconds: instant. */
  readonly bytes: number | null;
  readonly seconds: number | null;
  /** How long the machine does not run because of this step. */
  readonly downtimeSeconds: number;
  /** "Delete it", "Go back to step 1", "Not needed", "Cannot be undone". */
  readonly undo: string;
  /** False for what only happens later by itself: the next backup's reading. */
  readonly runs: boolean;
}

/** Why it is refused, or what has to be done first. */
export interface PlanReason {
  readonly id: string; // "checkpoints-stand-in-the-way", stable
  readonly title: string;
  readonly detail: string;
}

/** Another action that gets the person where they want to be. */
export interface Alternative {
  readonly title: string; // "Take the snapshot with memory"
  readonly action: MachineAction;
}

export interface ActionPlan {
  readonly machine: Named<MachineId>;
  readonly action: MachineAction;
  readonly title: string; // "Revert web-01 to before-upgrade"
  readonly summary: string; // "A snapshot of the running machine, disks and memory"
  /** The words on the button that starts it: "Revert to before-upgrade". */
  readonly button: string;
  readonly verdict: 'allowed' | 'allowed-after' | 'refused';
  readonly reasons: readonly PlanReason[];
  readonly alternatives: readonly Alternative[];
  /** Empty when refused. */
  readonly steps: readonly PlanStep[];
  /** Blockers make it refused; a warning with `accept` needs its tick. */
  readonly checks: readonly Check[];
  readonly costs: {
    readonly bytes: number | null;
    readonly freeBytes: number | null;
    readonly seconds: number | null;
    readonly downtimeSeconds: number | null;
    /** Repositories whose next backup reads everything again, and stores only what differs. */
    readonly rereads: readonly string[];
  };
  /** For a snapshot: which storage was chosen, why, and whether the other one could be. */
  readonly storage: {
    readonly chosen: SnapshotStorage;
    readonly why: string;
    readonly other: { readonly allowed: boolean; readonly why: string };
  } | null;
  /** How the whole is undone later, or that it cannot be. */
  readonly undo: string;
  /** ux.md §4: 1 undoable, 2 bounded, 3 large: the person types `confirm`. */
  readonly tier: 1 | 2 | 3;
  readonly confirm: string | null;
  /** What is lost for good, a line each; empty when nothing is. */
  readonly lost: readonly string[];
  /** What stays, in one sentence. */
  readonly stays: string;
  /** What will run, one line an action; secrets masked. */
  readonly commands: readonly string[];
  readonly documents: readonly { readonly title: string; readonly text: string }[];
  readonly fingerprint: string;
}
