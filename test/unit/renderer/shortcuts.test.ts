import { describe, expect, it } from 'vitest';
import { shortcutFor } from '../../../src-renderer/shortcuts.ts';

const plain = { ctrlKey: false, shiftKey: false, altKey: false, metaKey: false, target: null };
const control = { ...plain, ctrlKey: true };

describe('keys that work everywhere', () => {
  it.each([
    [{ ...control, key: 'f' }, 'search'],
    [{ ...control, key: 'n' }, 'backup'],
    [{ ...control, key: 'r' }, 'refresh'],
    [{ ...control, key: ',' }, 'settings'],
    [{ ...control, key: '?', shiftKey: true }, 'help'],
    [{ ...control, key: '2' }, 'section-2'],
    [{ ...plain, key: 'F1' }, 'help'],
    [{ ...plain, key: 'F5' }, 'refresh'],
    [{ ...plain, key: 'F6' }, 'next-pane'],
    [{ ...plain, key: 'F6', shiftKey: true }, 'previous-pane'],
  ])('%j is %s', (keys, shortcut) => {
    // Node has no HTMLInputElement; only Ctrl+Z asks for it.
    expect(shortcutFor(keys)).toBe(shortcut);
  });

  it('leaves single letters, Alt and the system key alone', () => {
    expect(shortcutFor({ ...plain, key: 'f' })).toBeNull();
    expect(shortcutFor({ ...control, key: 'f', altKey: true })).toBeNull();
    expect(shortcutFor({ ...control, key: 'f', metaKey: true })).toBeNull();
    expect(shortcutFor({ ...control, key: 'f', shiftKey: true })).toBeNull();
  });
});
