import { describe, expect, it } from 'vitest';
import type { Handlers, Input } from '#contract/contract.ts';
import type { PointId, RepositoryId } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { CleanUpPlan, RemovedPoint } from '#contract/plans.ts';
import { createFakeEngine } from '../../../fakes/handlers.ts';
import { waymark } from '../../../fakes/terminal-run.ts';

const attic = { id: 'repo-attic' as RepositoryId, name: 'attic' };

/** The one JSON document on stdout. */
function json(run: { readonly out: string }): Record<string, unknown> {
  expect(run.out.trimEnd().split('\n')).toHaveLength(1);
  return JSON.parse(run.out) as Record<string, unknown>;
}

function gone(id: string, name = 'gitea'): RemovedPoint {
  return {
    id: id as PointId,
    machine: { uuid: `uuid of ${name}`, name },
    repository: attic,
    time: Date.UTC(2026, 10, 1, 2),
    removedAt: Date.UTC(2026, 10, 20, 2),
    by: 'Plan Nightly',
    goneAfter: Date.UTC(2026, 10, 27, 2),
  };
}

const plan: CleanUpPlan = {
  repository: attic,
  points: [gone('01AAAA')],
  packsDeleted: 3,
  packsRewritten: 2,
  freesBytes: 96 * 1024 ** 2,
  writesBytes: 4 * 1024 ** 2,
};

/** The pretend engine with these removed points, and what it was asked for. */
function engineOf(removed: readonly RemovedPoint[], change: Partial<Handlers> = {}) {
  const made = createFakeEngine({ secondsPerJob: 0.05 });
  const pinned: Input<'points.pin'>[] = [];
  const taken: Input<'points.take-back'>[] = [];
  const cleaned: string[] = [];
  const point = made.state.points[0];
  if (point === undefined) throw new Error('The pretend engine has no points.');
  const handlers: Handlers = {
    ...made.handlers,
    'points.pin': async (input) => {
      pinned.push(input);
      return { ...point, pinned: input.pinned };
    },
    'points.removed': async () => removed,
    'points.take-back': async (input) => {
      taken.push(input);
      return null;
    },
    'repositories.plan-clean-up': async () => plan,
    'repositories.clean-up': async (input) => {
      cleaned.push('started');
      return made.handlers['repositories.rebuild'](input);
    },
    ...change,
  };
  return { engine: { ...made, handlers }, point, pinned, taken, cleaned };
}

describe('usage', () => {
  it.each(['point pin', 'point unpin', 'point take-back', 'point removed x', 'repository gc'])(
    'ends with 2 for "%s", and starts nothing',
    async (line) => {
      expect(await waymark(line.split(' '))).toMatchObject({ code: 2, opened: false, out: '' });
    },
  );

  it('is in the help', async () => {
    const { out } = await waymark(['point', '--help']);
    for (const verb of ['pin <point>…', 'unpin <point>…', 'removed', 'take-back <point>…']) {
      expect(out).toContain(`point ${verb}`);
    }
    const { out: repository } = await waymark(['repository', 'gc', '--help']);
    expect(repository).toContain('--dry-run');
  });
});

describe('point pin and unpin', () => {
  it('pins by id, and says what that means', async () => {
    const { engine, point, pinned } = engineOf([]);
    const run = await waymark(['point', 'pin', point.id], { engine });
    expect(run.code).toBe(0);
    expect(run.out).toMatch(/is pinned: no rule removes it\.\n$/);
    const off = await waymark(['point', 'unpin', point.id, '--json'], { engine });
    expect(json(off)).toMatchObject({ points: [{ id: point.id, pinned: false }] });
    expect(pinned).toEqual([
      { point: point.id, pinned: true },
      { point: point.id, pinned: false },
    ]);
  });

  it('pins nothing when one of them is not there', async () => {
    const { engine, point, pinned } = engineOf([]);
    const run = await waymark(['point', 'pin', point.id, 'nope', '--json'], { engine });
    expect(run.code).toBe(1);
    expect(json(run)).toMatchObject({ error: { code: 'point-not-found' } });
    expect(pinned).toEqual([]);
  });
});

describe('point removed and take-back', () => {
  const all = [gone('01AAAA'), gone('01AABB'), gone('01BBBB', 'mail')];

  it('lists what can be taken back, by whom and until when', async () => {
    const { engine } = engineOf(all);
    const run = await waymark(['point', 'removed'], { engine, columns: 200 });
    expect(run.out).toContain('FOR SURE UNTIL');
    expect(run.out).toContain('Plan Nightly');
    const mail = await waymark(['point', 'removed', '--machine', 'mail', '--json'], { engine });
    expect(json(mail)).toEqual({ points: [all[2]] });
    const none = await waymark(['point', 'removed'], engineOf([]));
    expect(none.out).toBe('No removed restore points.\n');
  });

  it('takes back by a beginning that is unique, each once', async () => {
    const { engine, taken } = engineOf(all);
    const run = await waymark(['point', 'take-back', '01b', '01BBBB'], { engine });
    expect(run.code).toBe(0);
    expect(run.out).toContain('The restore point of mail of');
    expect(taken).toEqual([{ points: ['01BBBB'] }]);
    const many = await waymark(['point', 'take-back', '01AA', '--json'], { engine });
    expect(json(many)).toMatchObject({
      error: { code: 'invalid-input', data: { candidates: ['01AAAA', '01AABB'] } },
    });
    const unknown = await waymark(['point', 'take-back', '01C', '--json'], { engine });
    expect(json(unknown)).toMatchObject({ error: { code: 'point-not-found' } });
    expect(taken).toHaveLength(1);
  });
});

describe('repository gc', () => {
  it('with --dry-run, says what would go and starts nothing', async () => {
    const { engine, cleaned } = engineOf([]);
    const run = await waymark(['repository', 'gc', 'attic', '--dry-run'], { engine });
    expect(run.code).toBe(0);
    expect(run.out).toMatch(/^Frees: +96\.0 MiB\n/);
    expect(run.out).toContain('01AAAA');
    expect(run.out).toMatch(/Nothing was changed\.\n$/);
    const data = await waymark(['repository', 'gc', 'attic', '--dry-run', '--json'], { engine });
    expect(json(data)).toEqual({ plan });
    expect(cleaned).toEqual([]);
  });

  it('runs as a job and says what came of it', async () => {
    const { engine, cleaned } = engineOf([]);
    const run = await waymark(['repository', 'gc', 'attic', '--json'], { engine });
    expect(run.code).toBe(0);
    expect(json(run)).toMatchObject({ summary: expect.any(String) as string });
    expect(cleaned).toEqual(['started']);
  });

  it('ends with 1 and the reason when what is needed is not known', async () => {
    const refused = new AppError('refused', 'A manifest cannot be read.', { advice: 'Look.' });
    const { engine } = engineOf([], {
      'repositories.clean-up': () => Promise.reject(refused),
    });
    const run = await waymark(['repository', 'gc', 'attic'], { engine });
    expect(run.code).not.toBe(0);
    expect(run.err).toContain('A manifest cannot be read.');
  });
});
