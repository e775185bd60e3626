/** What a key does on the timeline (keyboard of the machine page): where to go, or what to do. */
import { across, along, endOf, far, firstChoice, type Entry } from './entries.ts';
import type { TimeWindow } from './time-window.ts';

export type Step =
  | { readonly kind: 'go'; readonly to: Entry }
  | { readonly kind: 'zoom'; readonly by: 1 | -1 }
  | { readonly kind: 'enter' | 'menu' | 'delete' | 'stay' };

interface Key {
  readonly key: string;
  readonly shiftKey: boolean;
}

/** Null for a key that means nothing here and is left to the page. */
export function stepFor(
  { key, shiftKey }: Key,
  entries: readonly Entry[],
  from: Entry | null,
  window: TimeWindow,
): Step | null {
  if (key === '+' || key === '=') return { kind: 'zoom', by: 1 };
  if (key === '-' || key === '_') return { kind: 'zoom', by: -1 };
  const at = from ?? firstChoice(entries);
  if (at === null) return null;
  if (key === 'Enter') return { kind: 'enter' };
  if (key === 'Delete') return { kind: 'delete' };
  if (key === 'ContextMenu' || (key === 'F10' && shiftKey)) return { kind: 'menu' };
  const screen = window.to - window.from;
  const moves: Readonly<Record<string, () => Entry | null>> = {
    ArrowLeft: () => along(entries, at, -1),
    ArrowRight: () => along(entries, at, 1),
    ArrowUp: () => across(entries, at, -1),
    ArrowDown: () => across(entries, at, 1),
    Home: () => endOf(entries, at.kind, 'first'),
    End: () => endOf(entries, at.kind, 'last'),
    PageUp: () => far(entries, at, -screen),
    PageDown: () => far(entries, at, screen),
  };
  const move = moves[key];
  if (move === undefined) return null;
  const to = move();
  // The end of a lane is no reason to scroll the page instead.
  return to === null ? { kind: 'stay' } : { kind: 'go', to };
}
