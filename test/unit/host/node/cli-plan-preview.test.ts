import { describe, expect, it } from 'vitest';
import { retentionPresets } from '#contract/plan-defaults.ts';
import type { PreviewPoint, RetentionPreview } from '#contract/plans.ts';
import { due, plansEngine } from '../../../fakes/scripted-plans.ts';
import { waymark } from '../../../fakes/terminal-run.ts';

const day = 24 * 3600_000;
const gib = 1024 ** 3;
const attic = { id: 'attic-1' as never, name: 'attic' };

function point(id: string, days: number, more: Partial<PreviewPoint>): PreviewPoint {
  return { id: id as never, time: due - days * day, keep: [], freesBytes: null, ...more };
}

const preview: RetentionPreview = {
  machines: [
    {
      uuid: 'u-1',
      name: 'mail',
      repository: attic,
      now: [
        point('p1', 9, { keep: ['pinned', 'monthly'] }),
        point('p2', 8, { freesBytes: 3 * gib }),
        point('p3', 7, { freesBytes: gib }),
        point('p4', 1, { keep: ['last', 'newest-good'] }),
      ],
      inAYear: [
        point('p1', 9, { keep: ['pinned'] }),
        { id: null, time: due + 364 * day, keep: ['last'], freesBytes: null },
      ],
    },
  ],
  repositories: [
    {
      repository: attic,
      ...{ stay: 2, go: 2, freesBytes: 4 * gib, usedBytes: 9 * gib, freeBytes: null, fullAt: null },
    },
  ],
  firstRemoval: due,
  graceSeconds: 7 * 86_400,
};

/** Cells of the rows that have all these words. */
function cells(out: string, ...words: readonly string[]): readonly string[][] {
  return out
    .split('\n')
    .filter((line) => words.every((word) => line.includes(word)))
    .map((line) => line.split(/ {2,}/));
}

describe('plan preview', () => {
  it('is with --json what the engine computed, number for number', async () => {
    const { engine, drafts } = plansEngine({ preview });
    const run = await waymark(['plan', 'preview', 'Nightly', '--json'], { engine });
    expect([run.code, run.err]).toEqual([0, '']);
    expect(JSON.parse(run.out)).toEqual({ preview });
    const [plan] = await engine.handlers['plans.list']({});
    expect(plan).toMatchObject(drafts[0] ?? {});
  });

  it('says what goes and what it frees, by repository and by machine', async () => {
    const { engine } = plansEngine({ preview });
    const { out } = await waymark(['plan', 'preview', 'Nightly'], { engine });
    expect(out).toMatch(/^attic +2 +2 +4\.0 GiB +9\.0 GiB +unknown +cannot be told$/m);
    expect(out).toMatch(/^mail +attic +2 +2 +4\.0 GiB +2026-11-18 .+ +2$/m);
    expect(cells(out, 'goes', 'mail').map((row) => row.slice(4))).toEqual([
      ['p2', '3.0 GiB'],
      ['p3', '1.0 GiB'],
    ]);
    expect(out).not.toContain('stays');
    expect(out).toMatch(/^Nothing goes now\. The first removal is at 2026-11-27 .+ for 7 days/m);
  });

  it('says of every point why it stays, when asked', async () => {
    const { engine } = plansEngine({ preview });
    const { out } = await waymark(['plan', 'preview', 'Nightly', '--points'], { engine });
    expect(cells(out, 'stays').map((row) => row.at(-1))).toEqual([
      'pinned, monthly',
      'one of the last, the newest good one',
    ]);
  });

  it('shows a change without making it', async () => {
    const { engine, drafts, asked } = plansEngine({ preview });
    const args = ['plan', 'preview', 'Nightly', '--keep-daily', '30'];
    expect((await waymark(args, { engine })).code).toBe(0);
    expect(drafts.at(-1)?.keep).toEqual({ ...retentionPresets.balanced, daily: 30 });
    expect(asked).toEqual([]);
  });

  it('shows a plan that is not made yet, with what create would take', async () => {
    const { engine, drafts, asked } = plansEngine({ preview });
    const args = ['plan', 'preview', 'New', '--to', 'attic', '--keep-last', '2', '--json'];
    const run = await waymark(args, { engine });
    expect(run.code).toBe(0);
    expect(JSON.parse(run.err)).toMatchObject({ note: expect.stringContaining('no plan New') });
    expect(drafts.at(-1)).toMatchObject({ name: 'New', keep: { last: 2, daily: 0 } });
    expect(asked).toEqual([]);
    const slip = await waymark(['plan', 'preview', 'New'], { engine });
    expect([slip.code, slip.out]).toEqual([1, '']);
  });

  it('of nothing says that', async () => {
    const { engine } = plansEngine({ preview: { ...preview, machines: [] } });
    const { out } = await waymark(['plan', 'preview', 'Nightly'], { engine });
    expect(out).toBe('There are no points yet.\n');
  });
});
