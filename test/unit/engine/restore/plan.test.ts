import { describe, expect, test } from 'vitest';
import { unmet } from '#contract/pre-flight.ts';
import { restoreChecks, type RestoreFacts } from '#engine/restore/plan.ts';

const good: RestoreFacts = {
  pointDamaged: false,
  verified: true,
  writeBytes: 1000,
  folder: '/images',
  folderExists: true,
  folderWritable: true,
  freeBytes: 1_000_000,
  existingPaths: [],
  machine: {
    name: 'web-02',
    nameTaken: false,
    qemuReachesFolder: true,
    qemuUser: '64055',
    changes: [],
    network: 'disconnected',
    missingParts: [],
  },
};
const machine = good.machine!;

const blockers = (facts: RestoreFacts) =>
  restoreChecks(facts)
    .filter(({ level }) => level === 'blocker')
    .map(({ id }) => id);

describe('restoreChecks', () => {
  test('nothing stands in the way of a good restore', () => {
    expect(unmet(restoreChecks(good), [])).toEqual([]);
  });

  test.each<[string, RestoreFacts]>([
    ['space', { ...good, freeBytes: 999 }],
    ['existing', { ...good, existingPaths: ['/images/vda.qcow2'] }],
    ['folder', { ...good, folderWritable: false }],
    ['folder', { ...good, folderExists: false, folderWritable: false }],
    ['name', { ...good, machine: { ...machine, nameTaken: true } }],
    ['reach', { ...good, machine: { ...machine, qemuReachesFolder: false } }],
  ])('%s forbids it', (id, facts) => {
    expect(blockers(facts)).toEqual([id]);
  });

  test('free space that is not known forbids nothing and is not called good', () => {
    const [space] = restoreChecks({ ...good, freeBytes: null }).filter(({ id }) => id === 'space');
    expect(space?.level).toBe('unknown');
  });

  test('what is left behind must be accepted', () => {
    const changes = [{ kind: 'kept-out' as const, what: 'hostdev usb 1058:25ee', why: '' }];
    const checks = restoreChecks({ ...good, machine: { ...machine, changes } });
    expect(unmet(checks, []).map(({ id }) => id)).toEqual(['left-out']);
    expect(unmet(checks, ['left-out'])).toEqual([]);
  });

  test('a blocker cannot be accepted away', () => {
    expect(unmet(restoreChecks({ ...good, freeBytes: 0 }), ['space'])).toHaveLength(1);
  });
});
