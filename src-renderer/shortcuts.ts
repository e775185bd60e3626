/** Which keys do what, everywhere (ux.md §7). No Alt and no single letters. */

export type Shortcut =
  | 'search'
  | 'backup'
  | 'refresh'
  | 'settings'
  | 'help'
  | 'undo'
  | 'next-pane'
  | 'previous-pane'
  | `section-${1 | 2 | 3 | 4 | 5}`;

interface Keys {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly shiftKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
  readonly target: EventTarget | null;
}

const withControl: Readonly<Record<string, Shortcut>> = {
  f: 'search',
  n: 'backup',
  r: 'refresh',
  ',': 'settings',
  '?': 'help',
  '/': 'help',
  1: 'section-1',
  2: 'section-2',
  3: 'section-3',
  4: 'section-4',
  5: 'section-5',
};

/** In a field, Ctrl+Z undoes what was typed. */
function inField(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
}

export function shortcutFor(event: Keys): Shortcut | null {
  if (event.altKey || event.metaKey) return null;
  if (!event.ctrlKey) {
    if (event.key === 'F1') return 'help';
    if (event.key === 'F5') return 'refresh';
    if (event.key === 'F6') return event.shiftKey ? 'previous-pane' : 'next-pane';
    return null;
  }
  if (event.key === 'z' && !event.shiftKey) return inField(event.target) ? null : 'undo';
  if (event.shiftKey && event.key !== '?') return null;
  return withControl[event.key] ?? null;
}
