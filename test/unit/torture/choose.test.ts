import { expect, test } from 'vitest';
import { applies, choose } from '../../torture/choose.ts';
import { afterWrite, newModel, sameMoment, type Model } from '../../torture/model.ts';
import { line, type Operation } from '../../torture/operation.ts';
import { diceOf } from '../../torture/random.ts';

const model = newModel([
  { target: 'vda', format: 'qcow2', sizeBytes: 16 * 1024 * 1024 },
  { target: 'vdb', format: 'qcow2', sizeBytes: 8 * 1024 * 1024 + 512 },
]);
const many = (of: Model, count = 600) =>
  Array.from({ length: count }, (_, n) => choose(of, diceOf(5, n), n));

test('chooses the same for the same seed, and only what applies', () => {
  expect(many(model).map(line)).toEqual(many(model).map(line));
  for (const power of ['off', 'running', 'paused', 'saved'] as const) {
    const now = { ...model, power };
    for (const operation of many(now)) expect(applies(now, operation), line(operation)).toBe(true);
  }
});

test('every operation is chosen sooner or later', () => {
  const snapshot = { alias: 's1', name: 's1', storage: 'internal', memory: false } as const;
  const known = {
    ...snapshot,
    power: 'off',
    moment: model.disks,
    ticks: null,
    by: 'other',
  } as const;
  const points = [1, 2, 3].map((n) => ({ id: `p${n}`, repository: 0, moment: model.disks }));
  const full: Model = { ...model, snapshots: [known], points };
  const seen = new Set<Operation['do']>();
  for (const power of ['off', 'running', 'paused', 'saved'] as const) {
    for (const operation of many({ ...full, power })) seen.add(operation.do);
  }
  expect([...seen].sort()).toMatchInlineSnapshot(`
    [
      "backup",
      "checkpoint-create",
      "checkpoint-delete",
      "kill-engine",
      "kill-libvirtd",
      "kill-qemu",
      "other-checkpoint",
      "other-checkpoint-delete",
      "other-revert",
      "other-snapshot",
      "other-snapshot-delete",
      "pause",
      "point-delete",
      "power-cut",
      "repair",
      "restart-engine",
      "restore",
      "resume",
      "revert-undo",
      "save",
      "snapshot-create",
      "snapshot-delete",
      "snapshot-revert",
      "start",
      "stop",
      "write",
    ]
  `);
});

test('writes stay inside their disk', () => {
  for (const operation of many({ ...model, power: 'running' }, 2000)) {
    const writes =
      operation.do === 'write' ? operation.writes : 'during' in operation ? operation.during : [];
    for (const write of writes) {
      const size = model.specs.find(({ target }) => target === write.disk)?.sizeBytes ?? 0;
      expect(write.first).toBeGreaterThanOrEqual(0);
      expect((write.first + write.count) * 512).toBeLessThanOrEqual(size);
    }
  }
});

test('a write changes the one disk it is for, and the moment before it stays', () => {
  const write = { disk: 'vdb', first: 4, count: 2, zero: false };
  const after = afterWrite(model.disks, write, 101);
  expect(sameMoment(after, model.disks)).toBe(false);
  expect(after.get('vda')).toBe(model.disks.get('vda'));
  expect([...(after.get('vdb') ?? [])].slice(3, 7)).toEqual([0, 101, 101, 0]);
  expect([...(model.disks.get('vdb') ?? [])].every((number) => number === 0)).toBe(true);
  const zeroed = afterWrite(after, { ...write, zero: true }, 102);
  expect(sameMoment(zeroed, model.disks)).toBe(true);
});
