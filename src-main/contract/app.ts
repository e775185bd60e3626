/** What a way in learns about the application itself. */
import type { KeyStorage, MachineId, RepositoryId } from './domain.ts';
import type { WireError } from './errors.ts';

export interface AppInfo {
  readonly version: string;
  readonly front: 'electron' | 'browser' | 'command-line';
  readonly dataFolder: string;
  readonly user: string;
  readonly practice: PracticeState;
  /** How `repository create` and `add` will remember a key here, in words for a person. */
  readonly keyStorage: { readonly kind: KeyStorage; readonly words: string };
}

export type PracticeState =
  | { readonly kind: 'absent' }
  | { readonly kind: 'unavailable'; readonly error: WireError }
  | {
      readonly kind: 'present';
      readonly machine: MachineId | null;
      readonly running: boolean;
      readonly repository: RepositoryId | null;
    };

export interface FolderCheck {
  readonly path: string;
  readonly exists: boolean;
  readonly isFolder: boolean;
  readonly empty: boolean;
  readonly writable: boolean;
  readonly freeBytes: number | null;
  readonly repository: boolean; // holds a Waymark repository
}
