import fc from 'fast-check';
import { expect, test } from 'vitest';
import { burstMs, createPace } from '#engine/backup/pace.ts';
import { handClock } from '../../../fakes/clock.ts';

const never = new AbortController().signal;

/** Takes pieces one after the other for so long; the bytes that were let through. */
async function taken(bytesPerSecond: number | null, piece: number, forMs: number) {
  const clock = handClock();
  const pace = createPace(clock, bytesPerSecond);
  let bytes = 0;
  let going = true;
  const taking = (async () => {
    while (going && bytes < 1e9) {
      await pace.take(piece, never);
      bytes += piece;
    }
  })();
  await clock.advance(forMs);
  going = false;
  const letThrough = bytes;
  await clock.advance(10 * forMs);
  await taking;
  return letThrough;
}

test('over a minute it is the pace that was asked for', async () => {
  const bytes = await taken(1_000_000, 100_000, 60_000);
  expect(bytes).toBeGreaterThanOrEqual(60_000_000);
  expect(bytes).toBeLessThanOrEqual(60_000_000 + 300_000); // one piece, and the burst
});

test('without a limit it never waits', async () => {
  expect(await taken(null, 1_000_000, 0)).toBe(1_000_000_000);
});

test('one piece larger than a second’s worth is let through and paid for', async () => {
  const clock = handClock();
  const pace = createPace(clock, 1000);
  await pace.take(10_000, never);
  let second = false;
  const next = pace.take(1, never).then(() => {
    second = true;
  });
  await clock.advance(9_000);
  expect(second).toBe(false);
  await clock.advance(1_000);
  await next;
});

test('an hour of rest is not made up for', async () => {
  const clock = handClock();
  const pace = createPace(clock, 1000);
  await clock.advance(3_600_000);
  let bytes = 0;
  const taking = (async () => {
    for (let n = 0; n < 20; n += 1) {
      await pace.take(100, never);
      bytes += 100;
    }
  })();
  await clock.settle();
  expect(bytes).toBeLessThanOrEqual((1000 * burstMs) / 1000 + 100);
  await clock.advance(2000);
  await taking;
});

test('a cancelled wait ends at once', async () => {
  const clock = handClock();
  const pace = createPace(clock, 1);
  const stop = new AbortController();
  await pace.take(1000, stop.signal);
  const waiting = pace.take(1, stop.signal);
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
});

test('property: never is more let through than the pace and one burst', async () => {
  const steps = fc.array(
    fc.record({ bytes: fc.integer({ min: 1, max: 5000 }), restMs: fc.nat(2000) }),
    { minLength: 2, maxLength: 30 },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const clock = handClock();
      const pace = createPace(clock, 1000);
      const passed: { at: number; bytes: number }[] = [];
      for (const { bytes, restMs } of all) {
        await clock.advance(restMs);
        const taking = pace.take(bytes, never).then(() => {
          passed.push({ at: clock.monotonic(), bytes });
        });
        while (clock.waiting > 0) await clock.advance(50);
        await taking;
      }
      // Every piece but the last is paid for before the last is let through.
      const first = passed[0]!;
      const last = passed.at(-1)!;
      const paid = passed.slice(0, -1).reduce((sum, { bytes }) => sum + bytes, 0);
      const allowedBytes = ((last.at - first.at + burstMs) * 1000) / 1000;
      expect(paid).toBeLessThanOrEqual(allowedBytes + 1);
    }),
    { numRuns: 50 },
  );
});
