import { describe, expect, test } from 'vitest';
import type { JobKind } from '#contract/domain.ts';
import { conflict, jobKinds, type Answer } from '#engine/jobs/conflicts.ts';

type Cells = Readonly<Record<JobKind, Answer>>;
const none: Cells = {
  backup: 'no interaction',
  restore: 'no interaction',
  verify: 'no interaction',
  rebuild: 'no interaction',
  gc: 'no interaction',
  'point-delete': 'no interaction',
  practice: 'no interaction',
  repair: 'no interaction',
  snapshot: 'no interaction',
  revert: 'no interaction',
  'snapshot-delete': 'no interaction',
  checkpoint: 'no interaction',
  doctor: 'no interaction',
};
const all = (answer: Answer): Cells =>
  Object.fromEntries(jobKinds.map((kind) => [kind, answer])) as Cells;

/** The kinds that change a machine's snapshots and checkpoints: all alike. */
const changes = ['snapshot', 'revert', 'snapshot-delete', 'checkpoint', 'doctor'] as const;
const onChanges = (answer: Answer) =>
  Object.fromEntries(changes.map((kind) => [kind, answer])) as Pick<
    Cells,
    (typeof changes)[number]
  >;
const change: Cells = {
  ...none,
  ...onChanges('refuse'),
  backup: 'refuse',
  practice: 'refuse',
  repair: 'refuse',
};

/** Starting kind → running kind → answer, written out a second time, in words. */
const sameMachine: Readonly<Record<JobKind, Cells>> = {
  backup: { ...none, ...onChanges('wait'), backup: 'refuse', practice: 'wait', repair: 'wait' },
  restore: { ...none, practice: 'wait' },
  verify: none,
  rebuild: none,
  gc: none,
  'point-delete': none,
  practice: {
    ...none,
    ...onChanges('refuse'),
    backup: 'refuse',
    restore: 'refuse',
    practice: 'refuse',
    repair: 'refuse',
  },
  repair: { ...none, ...onChanges('wait'), backup: 'wait', practice: 'wait', repair: 'refuse' },
  snapshot: change,
  revert: change,
  'snapshot-delete': change,
  checkpoint: change,
  doctor: change,
};

const apart = (answer: Answer): Cells => ({ ...all(answer), ...onChanges('no interaction') });
const sameRepository: Readonly<Record<JobKind, Cells>> = {
  backup: { ...apart('wait'), restore: 'no interaction', verify: 'no interaction' },
  restore: { ...none, rebuild: 'wait', practice: 'wait', repair: 'wait' },
  verify: { ...none, rebuild: 'wait', gc: 'wait', practice: 'wait', repair: 'wait' },
  rebuild: { ...apart('wait'), rebuild: 'refuse' },
  gc: { ...apart('wait'), gc: 'refuse' },
  'point-delete': { ...apart('wait'), restore: 'no interaction', verify: 'no interaction' },
  practice: apart('refuse'),
  repair: { ...apart('wait'), repair: 'refuse' },
  snapshot: none,
  revert: none,
  'snapshot-delete': none,
  checkpoint: none,
  doctor: none,
};

describe.each([
  ['machine', sameMachine],
  ['repository', sameRepository],
] as const)('same %s', (shared, expected) => {
  const cells = jobKinds.flatMap((starting) =>
    jobKinds.map((running) => [starting, running, expected[starting][running]] as const),
  );
  test.each(cells)('starting %s while %s runs: %s', (starting, running, answer) => {
    expect(conflict(starting, running, shared)).toBe(answer);
  });
});

describe('what the table must hold whatever else changes', () => {
  const writers: readonly JobKind[] = ['backup', 'rebuild', 'gc', 'point-delete', 'repair'];
  test('two writers never run in one repository at a time', () => {
    for (const a of writers) {
      for (const b of writers) expect(conflict(a, b, 'repository')).not.toBe('no interaction');
    }
  });
  test('a restore and a backup never hinder each other', () => {
    for (const shared of ['machine', 'repository'] as const) {
      expect(conflict('restore', 'backup', shared)).toBe('no interaction');
      expect(conflict('backup', 'restore', shared)).toBe('no interaction');
    }
  });
  test('what stays apart in one order stays apart in the other, but for gc and restore', () => {
    // A restore that starts while gc runs reads a listed point, whose blocks gc keeps.
    const oneWay = new Set(['gc restore']);
    for (const a of jobKinds) {
      for (const b of jobKinds) {
        if (oneWay.has(`${a} ${b}`) || oneWay.has(`${b} ${a}`)) continue;
        const free = conflict(a, b, 'repository') === 'no interaction';
        expect([a, b, conflict(b, a, 'repository') === 'no interaction']).toEqual([a, b, free]);
      }
    }
  });
});
