import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Toasts } from '../../../../src-renderer/state/toasts.svelte.ts';

beforeEach(() => {
  vi.useFakeTimers();
  // The class asks the window for its timers; in Node they are the global ones.
  vi.stubGlobal('window', globalThis);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const undo = (run: () => void = () => undefined) =>
  ({ label: 'Undo…', run, undoes: true }) as const;

test('an offer to undo stays at least ten seconds', () => {
  const toasts = new Toasts();
  toasts.show('web-01 is back.', { action: undo() });
  vi.advanceTimersByTime(10_000);
  expect(toasts.all).toHaveLength(1);
  vi.advanceTimersByTime(5_000);
  expect(toasts.all).toEqual([]);
});

test('it waits while the pointer or the focus is on it', () => {
  const toasts = new Toasts();
  toasts.show('web-01 is back.', { action: undo() });
  vi.advanceTimersByTime(9_000);
  toasts.hold('reader');
  vi.advanceTimersByTime(60_000);
  expect(toasts.all).toHaveLength(1);
  toasts.release('reader');
  vi.advanceTimersByTime(10_000);
  expect(toasts.all).toHaveLength(1);
  vi.advanceTimersByTime(5_000);
  expect(toasts.all).toEqual([]);
});

test('it waits for the last of those it waits for', () => {
  const toasts = new Toasts();
  toasts.hold('dialog');
  toasts.show('web-01 is back.', { action: undo() });
  toasts.hold('reader');
  toasts.release('reader');
  vi.advanceTimersByTime(60_000);
  expect(toasts.all).toHaveLength(1);
  toasts.release('dialog');
  vi.advanceTimersByTime(15_000);
  expect(toasts.all).toEqual([]);
});

test('Ctrl+Z presses the newest offer to undo, not the newest offer', () => {
  const toasts = new Toasts();
  const pressed: string[] = [];
  toasts.show('First', { action: undo(() => pressed.push('first')) });
  toasts.show('Second', { action: undo(() => pressed.push('second')) });
  toasts.show('Third', { action: { label: 'Show', run: () => pressed.push('shown') } });
  toasts.undo();
  toasts.undo();
  toasts.undo();
  expect(pressed).toEqual(['second', 'first']);
  expect(toasts.all.map(({ text }) => text)).toEqual(['Third']);
});
