/** What the doctor found, with what mends it as a value: the repair is planned from it later. */
import type { Check } from '#contract/domain.ts';
import type { DoctorReport, Finding } from '#contract/moments.ts';
import type { Doomed } from '#engine/interlock/checkpoint-removal.ts';

/** What is to be done; how depends on whether the machine runs when it is. */
export type Cure =
  | { readonly do: 'remove-checkpoint'; readonly checkpoint: Doomed }
  | {
      readonly do: 'remove-bitmap';
      readonly target: string;
      readonly bitmap: string;
      /** The disk's own image. */
      readonly image: string;
    }
  | { readonly do: 'record-checkpoint'; readonly name: string; readonly xml: string }
  | { readonly do: 'delete-snapshot'; readonly name: string }
  | {
      readonly do: 'protect-file';
      readonly path: string;
      readonly mode: number;
      readonly before: number;
    }
  | { readonly do: 'remove-folder'; readonly path: string }
  | { readonly do: 'remove-file'; readonly path: string }
  | { readonly do: 'end-job'; readonly workFolder: string };

export interface Diagnosis {
  readonly finding: Finding;
  /** Null when only a person can mend it. */
  readonly cure: Cure | null;
  /** A tick the repair needs, because it could belong to somebody else. */
  readonly consent: Check | null;
  /** Repositories whose next backup reads everything because of what was found. */
  readonly rereads: readonly string[];
}

export interface Examination {
  readonly report: DoctorReport;
  readonly diagnoses: readonly Diagnosis[];
}
