import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { MachineId } from '#contract/domain.ts';
import { Navigation } from '../../../../src-renderer/state/navigation.svelte.ts';
import type { Place } from '../../../../src-renderer/state/place.ts';

const at = (id: string): Place => ({
  ...{ kind: 'machine', machine: 'm' as MachineId },
  selected: { kind: 'snapshot', id },
});

let written: string[];
let navigation: Navigation;
let page: EventTarget & { location: { hash: string } };

beforeEach(() => {
  vi.useFakeTimers();
  written = [];
  const write = (kind: string) => (_state: unknown, _title: string, address: string) => {
    written.push(`${kind} ${address.split('=').at(-1) ?? ''}`);
  };
  page = Object.assign(new EventTarget(), {
    location: { hash: '' },
    history: { replaceState: write('replace'), pushState: write('push') },
    setTimeout,
    clearTimeout,
  });
  vi.stubGlobal('window', page);
  navigation = new Navigation();
});

afterEach(() => {
  navigation.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('a held arrow key moves at once and writes the address now and then, the last one too', () => {
  for (let step = 0; step < 30; step += 1) {
    navigation.replace(at(`s${step}`));
    expect(navigation.place).toEqual(at(`s${step}`));
    vi.advanceTimersByTime(10);
  }
  vi.advanceTimersByTime(100);
  expect(written.at(-1)).toBe('replace s29');
  expect(written.length).toBeLessThan(8);
});

test('a single selection is in the address at once', () => {
  navigation.replace(at('a'));
  expect(written).toEqual(['replace a']);
  vi.advanceTimersByTime(1000);
  expect(written).toEqual(['replace a']);
});

test('going on writes first what was selected last, so that the way back finds it', () => {
  navigation.replace(at('a'));
  navigation.replace(at('b'));
  navigation.go({ kind: 'restore', machine: 'm' as MachineId, point: null });
  expect(written.slice(0, 2)).toEqual(['replace a', 'replace b']);
  expect(written[2]).toMatch(/^push/);
  vi.advanceTimersByTime(1000);
  expect(written).toHaveLength(3);
});

test('an address the person changed is not written over', () => {
  navigation.replace(at('a'));
  navigation.replace(at('b'));
  page.location.hash = '#/jobs';
  page.dispatchEvent(new Event('hashchange'));
  vi.advanceTimersByTime(1000);
  expect(navigation.place).toEqual({ kind: 'jobs' });
  expect(written).toEqual(['replace a']);
});
