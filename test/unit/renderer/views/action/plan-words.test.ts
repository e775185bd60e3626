import { describe, expect, test } from 'vitest';
import type { MachineAction } from '#contract/actions.ts';
import type { Check } from '#contract/domain.ts';
import * as words from '../../../../../src-renderer/views/action/plan-words.ts';

const gib = 1024 ** 3;

describe('estimateText', () => {
  test.each([
    [0.2, 'under a second'],
    [1, 'about 1 s'],
    [7.1, 'about 8 s'],
    [14, 'about 15 s'],
    [15, 'about 15 s'],
    [56, 'about 55 s'],
    [58, 'about 1 min'],
    [360, 'about 6 min'],
  ])('%d s is %s', (seconds, text) => {
    expect(words.estimateText(seconds)).toBe(text);
  });
});

describe('costText', () => {
  test.each([
    [0, 0, 'instant'],
    [4.6 * gib, 15, 'about 15 s, 4.6 GiB'],
    [0, 8, 'about 8 s'],
    [gib, 0, '1 GiB'],
    [gib, null, '1 GiB'],
    [null, 8, 'about 8 s'],
    [null, null, 'not known'],
    // What is not known is never called instant.
    [null, 0, 'not known'],
    [0, null, 'not known'],
  ])('%s bytes and %s s: %s', (bytes, seconds, text) => {
    expect(words.costText({ bytes, seconds })).toBe(text);
  });
});

describe('spaceText', () => {
  const costs = { seconds: 0, downtimeSeconds: 0, rereads: [] };
  test.each([
    [null, 212 * gib, ''],
    [0, 212 * gib, 'Needs no space.'],
    [gib, null, 'Needs 1 GiB.'],
    [gib, 212 * gib, 'Needs 1 GiB; 212 GiB are free.'],
  ])('%s of %s bytes: %s', (bytes, freeBytes, text) => {
    expect(words.spaceText({ ...costs, bytes, freeBytes })).toBe(text);
  });
});

describe('how long the machine does not run', () => {
  const costs = { bytes: 0, freeBytes: null, rereads: [] };
  test.each([
    [23, 0, ''],
    [23, null, ''],
    [23, 8, 'The machine does not run for about 8 s of it'],
    [23, 23, 'The machine does not run meanwhile'],
    [null, 8, 'The machine does not run for about 8 s of it'],
  ])('of %s s: %s', (seconds, downtimeSeconds, text) => {
    expect(words.standstillText({ ...costs, seconds, downtimeSeconds })).toBe(text);
  });

  test.each([
    [null, 'not known'],
    [0, 'none: it keeps running'],
    [15, 'about 15 s'],
  ])('pause of %s: %s', (seconds, text) => {
    expect(words.pauseText(seconds)).toBe(text);
  });
});

describe('namesText', () => {
  const names = Array.from({ length: 13 }, (_, n) => `s${n}`);

  test('lists the first ten and counts the others', () => {
    expect(words.namesText(names)).toEqual({ listed: names.slice(0, 10), more: 3 });
    expect(words.namesText(names.slice(0, 10)).more).toBe(0);
    expect(words.maxNamesListed).toBe(10);
  });
});

describe('openChecks', () => {
  const check = (id: string, level: Check['level']): Check => ({
    id,
    level,
    title: '',
    detail: '',
  });

  test('leaves out what passed and puts the gravest first', () => {
    const checks = [
      check('a', 'ok'),
      check('b', 'unknown'),
      check('c', 'warning'),
      check('d', 'blocker'),
    ];
    const plan = { verdict: 'allowed', reasons: [], checks } as const;
    expect(words.openChecks(plan).map(({ id }) => id)).toEqual(['d', 'c', 'b']);
  });

  test('says nothing twice, and of a refusal only what refuses', () => {
    const checks = [check('a', 'blocker'), check('b', 'blocker'), check('c', 'warning')];
    const reasons = [{ id: 'a', title: '', detail: '' }];
    const plan = { verdict: 'refused', reasons, checks } as const;
    expect(words.openChecks(plan).map(({ id }) => id)).toEqual(['b']);
  });
});

describe('asSentence', () => {
  test.each([
    ['2 checkpoints stand in the way', '2 checkpoints stand in the way.'],
    ['It is gone.', 'It is gone.'],
    ['Only a person can mend this:', 'Only a person can mend this:'],
  ])('%s', (title, sentence) => {
    expect(words.asSentence(title)).toBe(sentence);
  });
});

describe('askedTitle', () => {
  const titles: readonly (readonly [MachineAction, string])[] = [
    [{ kind: 'snapshot-revert', name: 'a', to: 'off', keep: true }, 'Revert web-01 to a'],
    [{ kind: 'revert-undo' }, 'Undo the revert of web-01'],
    [{ kind: 'snapshot-delete', names: ['a'], children: true }, 'Delete snapshot a'],
    [
      { kind: 'snapshot-delete', names: ['a', 'b'], children: false },
      'Delete 2 snapshots of web-01',
    ],
    [{ kind: 'checkpoint-create' }, 'Create a checkpoint of web-01'],
    [{ kind: 'checkpoint-delete', names: ['c'] }, 'Delete 1 checkpoint of web-01'],
    [{ kind: 'repair', findings: ['f'], details: false }, 'Repair web-01'],
  ];

  test.each(titles)('%o', (action, title) => {
    expect(words.askedTitle(action, 'web-01')).toBe(title);
  });
});
