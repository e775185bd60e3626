import { describe, expect, test } from 'vitest';
import { AppError } from '#contract/errors.ts';
import { BufferRing } from '#engine/store/buffer-ring.ts';

describe('buffer ring', () => {
  test('lends what came back again and makes no more than it may', async () => {
    const ring = new BufferRing(2, 64);
    const first = await ring.take();
    const second = await ring.take();
    expect([first.byteLength, second.byteLength]).toEqual([64, 64]);
    expect(second).not.toBe(first);
    let third: SharedArrayBuffer | null = null;
    const waiting = ring.take().then((memory) => (third = memory));
    await new Promise(setImmediate);
    expect(third).toBeNull();
    ring.give(first);
    expect(await waiting).toBe(first);
  });

  test('who waits longest is first', async () => {
    const ring = new BufferRing(1, 8);
    const memory = await ring.take();
    const order: number[] = [];
    const later = [1, 2, 3].map((n) =>
      ring.take().then((taken) => {
        order.push(n);
        ring.give(taken);
      }),
    );
    ring.give(memory);
    await Promise.all(later);
    expect(order).toEqual([1, 2, 3]);
  });

  test('knows what it lent; giving back twice lends nothing twice', async () => {
    const ring = new BufferRing(2, 8);
    const memory = await ring.take();
    expect(ring.isLent(memory)).toBe(true);
    expect(ring.isLent(new SharedArrayBuffer(8))).toBe(false);
    ring.give(memory);
    ring.give(memory);
    expect(ring.isLent(memory)).toBe(false);
    expect(await ring.take()).not.toBe(await ring.take());
  });

  test('after a failure everyone gets it', async () => {
    const ring = new BufferRing(1, 8);
    await ring.take();
    const waiting = ring.take();
    ring.fail(new AppError('cancelled', 'Cancelled.'));
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
    await expect(ring.take()).rejects.toMatchObject({ code: 'cancelled' });
  });
});
