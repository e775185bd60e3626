/** Row A8 of the facts about libvirt: which bitmaps of a chain can be relied on. */
import { describe, expect, test } from 'vitest';
import {
  chainBitmaps,
  healthInChain,
  type ChainBitmaps,
  type SeenBitmap,
} from '#engine/checkpoint/bitmaps.ts';
import { disk, image, machine, withBitmaps } from './machine.ts';

/** A letter an image, the active one first: healthy, inconsistent, unknown, - none, ? unread. */
function chain(letters: string): ChainBitmaps {
  const health = { h: 'healthy', i: 'inconsistent', u: 'unknown' } as const;
  return Array.from(letters, (letter, index) => {
    const path = `/images/${index}`;
    if (letter === '?') return { path, bitmaps: null };
    if (letter === '-') return { path, bitmaps: [] };
    const seen: SeenBitmap = { name: 'b', health: health[letter as keyof typeof health] };
    return { path, bitmaps: [{ name: 'other', health: 'inconsistent' }, seen] };
  });
}

describe('a bitmap in a chain', () => {
  test.each([
    ['h', 'healthy'],
    ['hh-', 'healthy'],
    ['h--', 'healthy'],
    ['', 'unknown'],
    ['-', 'missing'],
    ['--', 'missing'],
    ['i', 'inconsistent'],
    ['hi', 'inconsistent'],
    ['ih', 'inconsistent'],
    ['-h', 'inconsistent'],
    ['h-h', 'inconsistent'],
    ['u', 'unknown'],
    ['hu', 'unknown'],
    ['ui', 'inconsistent'],
    ['h?', 'unknown'],
  ])('%s is %s', (letters, health) => {
    expect(healthInChain(chain(letters), 'b')).toBe(health);
  });

  test.each([
    ['h-', '/images/0', 'healthy'],
    ['h-', '/images/1', 'inconsistent'],
    ['hh', '/images/0', 'healthy'],
    ['hh', '/images/1', 'healthy'],
    ['hh-', '/images/2', 'inconsistent'],
    ['uu', '/images/1', 'unknown'],
    ['h', '/images/9', 'inconsistent'],
    ['-', '/images/0', 'missing'],
  ])('%s begun on %s is %s', (letters, since, health) => {
    expect(healthInChain(chain(letters), 'b', since)).toBe(health);
  });
});

describe('what is known of an image', () => {
  const open = [
    image('/images/top', { bitmaps: [{ name: 'b', broken: true }] }),
    image('/images/low'),
  ];
  const vda = disk('vda', open);

  test('closed, its flags are the truth', () => {
    const found = chainBitmaps(machine({ state: 'off' }), vda, null);
    expect(found.map(({ bitmaps }) => bitmaps)).toEqual([
      [{ name: 'b', health: 'inconsistent' }],
      [],
    ]);
  });

  test('C6: open, they say only that it is there', () => {
    const found = chainBitmaps(machine(), vda, null);
    expect(found[0]?.bitmaps).toEqual([{ name: 'b', health: 'unknown' }]);
  });

  test('QEMU itself has the last word, of a machine that runs', () => {
    const qemu = new Map([['/images/top', [{ name: 'new', healthy: true }]]]);
    expect(chainBitmaps(machine(), vda, qemu)[0]?.bitmaps).toEqual([
      { name: 'new', health: 'healthy' },
    ]);
    expect(chainBitmaps(machine({ state: 'off' }), vda, qemu)[0]?.bitmaps).toEqual([
      { name: 'b', health: 'inconsistent' },
    ]);
  });

  test('one that is gone has none, one that cannot be read is not known, raw holds none', () => {
    const some = disk('vda', [
      image('/a', { exists: false, bitmaps: null }),
      image('/b', { bitmaps: null }),
      image('/c', { bitmaps: null, format: '' }),
      image('/d', { bitmaps: null, format: 'raw' }),
      image('/e', withBitmaps('x')),
    ]);
    const found = chainBitmaps(machine({ state: 'off' }), some, null);
    expect(found.map(({ bitmaps }) => bitmaps?.length ?? null)).toEqual([0, null, null, 0, 1]);
  });
});
