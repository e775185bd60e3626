import { describe, expect, test } from 'vitest';
import type { MachineFacts } from '#engine/interlock/facts.ts';
import { planCreate } from '#engine/snapshot/plan-create.ts';
import { checkpointFacts, mib } from '../../../fakes/machine-facts.ts';
import { askCreate as ask, extraDisk, facts, withImages, withUefi, type Create } from './ask.ts';

describe('space', () => {
  const withFree = (freeBytes: number | null) => {
    const given = facts();
    return { ...given, disks: given.disks.map((disk) => ({ ...disk, freeBytes })) };
  };
  test('memory that does not fit is a blocker, and without memory is offered', () => {
    const plan = planCreate(withFree(90 * mib), ask());
    expect(plan.verdict).toBe('refused');
    expect(plan.checks.find(({ id }) => id === 'space')?.level).toBe('blocker');
    expect(plan.alternatives[0]?.action).toMatchObject({ memory: false });
    expect(planCreate(withFree(97 * mib), ask()).verdict).toBe('allowed');
  });
  test('a full disk has no room for an overlay either', () => {
    expect(planCreate(withFree(mib), ask({ memory: false })).verdict).toBe('refused');
  });
  test('space that is not known is said', () => {
    const { checks } = planCreate(withFree(null), ask());
    expect(checks.find(({ id }) => id === 'space')?.level).toBe('unknown');
  });
  test('costs are the memory, the time it takes to write and as long a pause', () => {
    const plan = planCreate(
      { ...facts(), memoryBytes: 4000 * mib, disks: withFree(1e12).disks },
      ask(),
    );
    expect(plan.costs).toMatchObject({ bytes: 4000 * mib, seconds: 20, downtimeSeconds: 20 });
    const disksOnly = planCreate(facts(), ask({ memory: false })).costs;
    expect(disksOnly).toMatchObject({ bytes: 0, seconds: 0, downtimeSeconds: 0 });
  });
});

describe('warnings', () => {
  const checkOf = (given: MachineFacts, id: string, asked: Partial<Create> = {}) =>
    planCreate(given, ask(asked)).checks.find((one) => one.id === id);
  const deep = (images: number, libvirt = 9_000_000) => withImages(facts({ libvirt }), images);
  test('B15 from 20 images on', () => {
    expect(checkOf(deep(18), 'chain-vda', { memory: false })).toBeUndefined();
    expect(checkOf(deep(19), 'chain-vda', { memory: false })?.level).toBe('warning');
    expect(checkOf(deep(19), 'chain-vda')).toBeUndefined(); // internal: no image more
  });
  test('B15 from 25 on libvirt 11 may not start the machine any more', () => {
    const asked = { memory: false };
    expect(checkOf(deep(24, 11_003_000), 'chain-start', asked)?.accept).toBeDefined();
    expect(checkOf(deep(23, 11_003_000), 'chain-start', asked)).toBeUndefined();
    expect(checkOf(deep(24, 10_010_000), 'chain-start', asked)).toBeUndefined();
    expect(checkOf(deep(24, 12_000_000), 'chain-start', asked)).toBeUndefined();
  });
  test('A2 internal beside checkpoints: going back removes them', () => {
    const given = { ...facts(), checkpoints: [checkpointFacts('waymark-1')] };
    expect(checkOf(given, 'checkpoints')?.level).toBe('warning');
    expect(checkOf(given, 'checkpoints', { memory: false })?.level).toBe('ok'); // A4
  });
  test('B18 a transient machine needs a tick', () => {
    expect(checkOf({ ...facts(), persistent: false }, 'transient')?.accept).toBeDefined();
  });
  test('B14 a saved memory that was left behind', () => {
    expect(checkOf({ ...facts(), managedSave: true }, 'managed-save')?.level).toBe('warning');
    expect(checkOf(facts(), 'managed-save')).toBeUndefined();
  });
  test('what is left out is named', () => {
    const given = extraDisk(facts({ disks: ['qcow2', 'qcow2'] }), 'vdc', 'network');
    const { checks } = planCreate(given, ask({ disks: ['vda'], memory: false }));
    const left = checks.filter(({ id }) => id.startsWith('left-out-')).map(({ id }) => id);
    expect(left).toEqual(['left-out-vdb', 'left-out-vdc']);
  });
  test('the variables of the firmware are no part of an external one', () => {
    expect(checkOf(facts({}, withUefi('raw')), 'firmware')?.title).toContain('firmware');
    expect(checkOf(facts(), 'firmware')).toBeUndefined();
  });
});
