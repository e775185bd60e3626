import type { IconName } from './icons.ts';

/** One entry of a menu, or the line between two groups of them. */
export type MenuItem =
  | {
      readonly label: string;
      readonly icon?: IconName;
      readonly run: () => void;
      /** Why it cannot be done now; the item stays and says so. */
      readonly unavailable?: string | undefined;
      readonly keys?: string;
      readonly danger?: boolean;
    }
  | 'line';
