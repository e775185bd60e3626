import { describe, expect, test } from 'vitest';
import type { MachineAction } from '#contract/actions.ts';
import {
  CreateChoices,
  hasMemory,
  sameDeed,
} from '../../../../../src-renderer/views/action/create-choices.svelte.ts';

const usual: Extract<MachineAction, { kind: 'snapshot-create' }> = {
  kind: 'snapshot-create',
  name: 'a',
  description: '',
  memory: false,
  storage: 'auto',
  freeze: true,
  disks: null,
};

describe('what a wish asks of the planner', () => {
  test('try something: disks only, frozen, everything else left to the planner', () => {
    expect(new CreateChoices('a', ['vda', 'vdb']).action).toEqual(usual);
  });

  test('everything running: with memory, which needs no freezing', () => {
    const choices = new CreateChoices('a', ['vda']);
    choices.want = 'running';
    expect(choices.action).toEqual({ ...usual, memory: true, freeze: false });
  });

  test('a small next backup: a checkpoint', () => {
    const choices = new CreateChoices('a', ['vda']);
    choices.want = 'small';
    expect(choices.action).toEqual({ kind: 'checkpoint-create' });
  });

  test('some disks are named, all are not', () => {
    const choices = new CreateChoices('a', ['vda', 'vdb']);
    choices.include('vda', false);
    expect(choices.action).toMatchObject({ disks: ['vdb'] });
    choices.include('vda', true);
    expect(choices.action).toMatchObject({ disks: null });
  });

  test('no disk at all is not asked for', () => {
    const choices = new CreateChoices('a', ['vda']);
    choices.include('vda', false);
    expect(choices.noDisk).toBe(true);
    expect(new CreateChoices('a', []).noDisk).toBe(false);
  });

  test('what the planner offers instead comes back as it was', () => {
    const choices = new CreateChoices('a', ['vda', 'vdb']);
    const offered: typeof usual = {
      ...usual,
      name: 'a-2',
      description: 'x',
      storage: 'external',
      freeze: false,
      disks: ['vdb'],
    };
    choices.adopt(offered);
    expect(choices.action).toEqual(offered);
  });
});

describe('sameDeed', () => {
  test('names and notes do not matter, all else does', () => {
    expect(sameDeed(usual, { ...usual, name: 'b', description: 'c' })).toBe(true);
    expect(sameDeed(usual, { ...usual, memory: true })).toBe(false);
    expect(sameDeed(usual, { ...usual, storage: 'internal' })).toBe(false);
    expect(sameDeed(usual, { ...usual, freeze: false })).toBe(false);
    expect(sameDeed(usual, { ...usual, disks: ['vda'] })).toBe(false);
    expect(sameDeed(usual, { kind: 'checkpoint-create' })).toBe(false);
  });
});

test('only a machine that has memory now can keep it', () => {
  expect(hasMemory({ state: 'running' })).toBe(true);
  expect(hasMemory({ state: 'paused' })).toBe(true);
  expect(hasMemory({ state: 'off' })).toBe(false);
  expect(hasMemory({ state: 'crashed' })).toBe(false);
});
