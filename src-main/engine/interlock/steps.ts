/**
 * What a plan is made of. A step is a value: it is shown in words, journaled before it is done, and
 * done by execute.ts. Doing a step that was done already is harmless, because each first looks
 * whether its effect is there: that is how a plan that was cut off is finished.
 */

/** One thing done to a machine, its libvirt metadata or its images. */
export type StepAction =
  | { readonly do: 'start'; readonly paused: boolean }
  /** Destroys it: no guest shutdown. `onlyPaused`: unless somebody let it run meanwhile. */
  | { readonly do: 'stop'; readonly onlyPaused?: boolean }
  | { readonly do: 'resume' }
  | { readonly do: 'pause' }
  | { readonly do: 'define'; readonly xml: string }
  | { readonly do: 'drop-managed-save' }
  /** `flags` are virDomainSnapshotCreateFlags. */
  | {
      readonly do: 'create-snapshot';
      readonly name: string;
      readonly xml: string;
      readonly flags: number;
      /** Files libvirt or QEMU makes for it: overlays and a memory file. */
      readonly makes: readonly string[];
      readonly freeze: boolean;
    }
  /** Tells libvirt about a snapshot (REDEFINE), or changes what it knows of one. */
  | {
      readonly do: 'record-snapshot';
      readonly name: string;
      readonly xml: string;
      readonly current: boolean;
    }
  /** libvirt takes this one for the snapshot that the machine goes on from. */
  | { readonly do: 'make-current'; readonly name: string }
  /**
   * `flags` are virDomainSnapshotDeleteFlags. `madeFrom`: only the one that this step made from
   * that XML; another of its name stays.
   */
  | {
      readonly do: 'delete-snapshot';
      readonly name: string;
      readonly flags: number;
      readonly madeFrom?: string;
    }
  /**
   * `flags` are virDomainSnapshotRevertFlags. `unlessCurrent`: the machine went on from another one
   * before, so when it goes on from this one it has gone back, and must not go back once more.
   */
  | {
      readonly do: 'revert-snapshot';
      readonly name: string;
      readonly flags: number;
      readonly unlessCurrent?: boolean;
    }
  /**
   * Starts the machine from a memory file with the definition inside it, its disks on these images:
   * the definition alone names the images that the snapshot froze, and would destroy them. The
   * images are empty overlays: once one was written to, the machine has gone on from there, and
   * the memory does not fit it any more. `of`: the snapshot whose memory it is; where libvirt does
   * not know it, it was not wholly taken, and its files are good for nothing.
   */
  | {
      readonly do: 'restore-memory';
      readonly of?: string;
      readonly file: string;
      readonly images: readonly { readonly target: string; readonly path: string }[];
      readonly paused: boolean;
    }
  | { readonly do: 'create-checkpoint'; readonly name: string; readonly xml: string }
  | { readonly do: 'record-checkpoint'; readonly name: string; readonly xml: string }
  | {
      readonly do: 'delete-checkpoint';
      readonly name: string;
      /** Only libvirt's record: its bitmap is gone or broken. */
      readonly metadataOnly: boolean;
    }
  /** On a closed image, with qemu-img. */
  | { readonly do: 'remove-bitmap'; readonly image: string; readonly bitmap: string }
  | {
      readonly do: 'create-overlay';
      readonly path: string;
      readonly base: string;
      readonly baseFormat: string;
    }
  /** `ifEmpty`: an overlay that was written to meanwhile stays. */
  | { readonly do: 'remove-file'; readonly path: string; readonly ifEmpty?: boolean }
  | { readonly do: 'protect-file'; readonly path: string; readonly mode: number }
  | { readonly do: 'remove-folder'; readonly path: string }
  /** Ends a libvirt backup job that is proven to be ours. */
  | { readonly do: 'end-job'; readonly workFolder: string }
  | { readonly do: 'keep-picture'; readonly snapshot: string }
  | { readonly do: 'drop-picture'; readonly snapshot: string }
  /** Notes a revert in the catalog, so that it can be undone or its loss be said. */
  | { readonly do: 'note-revert'; readonly to: string; readonly kept: string | null }
  | { readonly do: 'forget-revert'; readonly kept: string }
  /** Takes back the note of one that kept nothing, where its step had come that far. */
  | { readonly do: 'unnote-revert'; readonly to: string };

/** A step of a plan, with its words and what undoes it. */
export interface EngineStep {
  readonly title: string;
  readonly detail: string;
  readonly actions: readonly StepAction[];
  /**
   * Done in this order to take the step back, whether it was done wholly, in part or not at all.
   * Null: it cannot be taken back, so a plan cut off here or later can only be finished.
   */
  readonly undo: readonly StepAction[] | null;
  readonly undoWords: string; // "Delete it", "Go back to step 1", "Not needed"
  readonly bytes: number | null;
  readonly seconds: number | null;
  readonly downtimeSeconds: number;
}
