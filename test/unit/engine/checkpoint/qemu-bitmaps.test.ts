import { expect, test } from 'vitest';
import { readAnswer } from '#engine/checkpoint/qemu-bitmaps.ts';

const answer = (...nodes: readonly unknown[]) => JSON.stringify({ return: nodes, id: 'libvirt-1' });

test('bitmaps by image; those of a running job are not kept and not told', () => {
  const bitmaps = [
    { name: 'a', recording: true, persistent: true, busy: false, count: 65536, granularity: 65536 },
    { name: 'b', recording: false, persistent: true, inconsistent: true, count: 0 },
    { name: 'off', recording: false, persistent: true },
    { name: 'backup-vda', recording: true, persistent: false },
    { recording: true, persistent: false },
  ];
  const found = readAnswer(
    answer(
      { file: '/images/vda.qcow2', drv: 'qcow2', 'dirty-bitmaps': bitmaps },
      { file: '/images/vda.qcow2', drv: 'file' },
      { file: '/images/base.raw', drv: 'raw' },
    ),
  );
  expect([...found]).toEqual([
    [
      '/images/vda.qcow2',
      [
        { name: 'a', healthy: true },
        { name: 'b', healthy: false },
        { name: 'off', healthy: false },
      ],
    ],
    ['/images/base.raw', []],
  ]);
});

test.each(['', 'no json', '[]', '{"return":{}}', '{"error":{"class":"GenericError"}}'])(
  'an answer not understood is said so: %s',
  (text) => {
    expect(() => readAnswer(text)).toThrow(expect.objectContaining({ code: 'unsupported' }));
  },
);

test('nodes of another shape are passed over', () => {
  expect([
    ...readAnswer(answer(null, 7, { file: 3 }, { file: '/x', 'dirty-bitmaps': 'no' })),
  ]).toEqual([['/x', []]]);
});
