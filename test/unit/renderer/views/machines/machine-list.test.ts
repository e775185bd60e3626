import { describe, expect, it } from 'vitest';
import type { HostId } from '#contract/domain.ts';
import {
  countByProtection,
  matching,
  nextSort,
  sorted,
} from '../../../../../src-renderer/views/machines/machine-list.ts';
import { marksOf } from '../../../../../src-renderer/views/machines/day-strip.ts';
import { demoState } from '../../../../fakes/demo-state.ts';

const { machines } = demoState('full', Date.UTC(2026, 10, 23, 10));
const all = { host: null, protection: null, text: '' };
const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);

describe('the machines list', () => {
  it('finds every word in name or host, whatever its case', () => {
    expect(names(matching(machines, { ...all, text: 'POST rack' }))).toEqual(['postgres-main']);
    expect(matching(machines, { ...all, text: 'postgers' })).toEqual([]);
  });

  it('keeps to one host and one state', () => {
    const rack = matching(machines, { ...all, host: 'host-rack' as HostId, protection: 'never' });
    expect(names(rack)).toEqual(['old-crm']);
  });

  it('puts what needs a look first and sorts equals by name', () => {
    const order = names(sorted(machines, { column: 'state', descending: false }));
    expect(order.slice(0, 6)).toEqual([
      ...['mail', 'jenkins', 'win11-tax', 'fedora-lab', 'old-crm', 'dc-01'],
    ]);
  });

  it('turns round on the second press and starts fresh on another column', () => {
    const once = nextSort({ column: 'state', descending: false }, 'name');
    expect(once).toEqual({ column: 'name', descending: false });
    expect(nextSort(once, 'name')).toEqual({ column: 'name', descending: true });
  });

  it('sorts the newest point first and machines without one last', () => {
    const order = sorted(machines, { column: 'last', descending: false });
    expect(order[0]?.name).toBe('dc-01');
    expect(names(order.slice(-2))).toEqual(['fedora-lab', 'old-crm']);
  });

  it('counts every state', () => {
    expect(countByProtection(machines)).toEqual({
      ...{ protected: 9, overdue: 2, failing: 1, never: 2, 'not-planned': 0 },
    });
  });
});

describe('the strip of days', () => {
  const day = { day: '2026-11-22', points: 0, snapshots: 0, failed: 0 };

  it('draws nothing for a day without anything', () => {
    expect(marksOf(day, 3)).toEqual({ bars: [], ring: null, cross: null });
  });

  it('draws up to three bars inside their day, and one tall bar for more', () => {
    for (const points of [1, 2, 3, 4, 40]) {
      const { bars } = marksOf({ ...day, points }, 2);
      expect(bars).toHaveLength(points > 3 ? 1 : points);
      for (const bar of bars) {
        expect(bar.x).toBeGreaterThanOrEqual(22);
        expect(bar.x + bar.width).toBeLessThanOrEqual(33);
      }
    }
  });

  it('crosses a day whose runs all failed only', () => {
    expect(marksOf({ ...day, failed: 2 }, 0).cross).not.toBeNull();
    expect(marksOf({ ...day, failed: 2, points: 1 }, 0).cross).toBeNull();
  });
});
