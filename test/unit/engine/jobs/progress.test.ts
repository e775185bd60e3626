import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMeter, roundSeconds } from '#engine/jobs/progress.ts';

const mib = 1024 * 1024;

/** A meter that was told `bytesPerSecond` every 100 ms for `seconds`. */
function steady(bytesPerSecond: number, seconds: number, totalBytes: number | null) {
  const meter = createMeter(0);
  for (let at = 100; at <= seconds * 1000; at += 100) {
    meter.update({ doneBytes: (bytesPerSecond * at) / 1000, totalBytes }, at);
  }
  return meter;
}

describe('what is shown', () => {
  test('nothing until the job said anything', () => {
    const meter = createMeter(0);
    meter.tick(60_000);
    expect(meter.current()).toBeNull();
  });

  test('bytes read and stored beside the bytes done', () => {
    const meter = createMeter(0);
    meter.update({ activity: 'Reading vda (1 of 2)', doneBytes: 30, readBytes: 20 }, 10);
    meter.update({ storedBytes: 5, totalBytes: 100 }, 20);
    expect(meter.current()).toEqual({
      activity: 'Reading vda (1 of 2)',
      doneBytes: 30,
      totalBytes: 100,
      readBytes: 20,
      storedBytes: 5,
      bytesPerSecond: 0,
      secondsLeft: null,
      stalled: null,
    });
  });
});

describe('the bar', () => {
  test('never goes back when a smaller number is said', () => {
    const meter = createMeter(0);
    meter.update({ doneBytes: 50, totalBytes: 100, readBytes: 9, storedBytes: 8 }, 1);
    meter.update({ doneBytes: 40, readBytes: 3, storedBytes: 2 }, 2);
    expect(meter.current()).toMatchObject({ doneBytes: 50, readBytes: 9, storedBytes: 8 });
  });

  test('never goes back when the total grows: it waits', () => {
    const meter = createMeter(0);
    meter.update({ doneBytes: 50, totalBytes: 100 }, 1);
    meter.update({ totalBytes: 1000 }, 2);
    expect(meter.current()).toMatchObject({ doneBytes: 50, totalBytes: 100 });
    meter.update({ doneBytes: 200 }, 3);
    expect(meter.current()).toMatchObject({ doneBytes: 200, totalBytes: 400 });
    meter.update({ doneBytes: 900 }, 4);
    expect(meter.current()).toMatchObject({ doneBytes: 900, totalBytes: 1000 });
  });

  test('never shows more done than there is', () => {
    const meter = createMeter(0);
    meter.update({ doneBytes: 500, totalBytes: 100 }, 1);
    expect(meter.current()).toMatchObject({ doneBytes: 100, totalBytes: 100 });
  });

  test('shows whole bytes and still never goes back by a part of one', () => {
    const meter = createMeter(0);
    meter.update({ doneBytes: 1, totalBytes: 3 }, 0);
    meter.update({ doneBytes: 2, totalBytes: 1000 }, 300); // shown as 2 of 6
    meter.update({ doneBytes: 3, totalBytes: 1000 }, 600); // shown as 3 of 9
    const { doneBytes, totalBytes } = meter.current()!;
    expect([doneBytes, totalBytes]).toEqual([3, 9]);
  });

  test('holds for any order of updates', () => {
    const update = fc.record({
      doneBytes: fc.nat(1e6),
      totalBytes: fc.option(fc.integer({ min: 0, max: 1e6 })),
    });
    fc.assert(
      fc.property(fc.array(update, { maxLength: 40 }), (updates) => {
        const meter = createMeter(0);
        let last = 0;
        let lastDone = 0;
        updates.forEach((one, index) => {
          meter.update(one, index * 300);
          const { doneBytes, totalBytes } = meter.current()!;
          expect(doneBytes).toBeGreaterThanOrEqual(lastDone);
          lastDone = doneBytes;
          if (totalBytes === null) return;
          const fraction = totalBytes === 0 ? 1 : doneBytes / totalBytes;
          expect(doneBytes).toBeLessThanOrEqual(totalBytes);
          expect(fraction).toBeGreaterThanOrEqual(last - 1e-9);
          last = fraction;
        });
      }),
    );
  });
});

describe('speed and time left', () => {
  test('a steady speed is shown as it is', () => {
    const { bytesPerSecond } = steady(10 * mib, 6, null).current()!;
    expect(bytesPerSecond).toBeCloseTo(10 * mib, -3);
  });

  test('one fast second barely moves it', () => {
    const meter = steady(10 * mib, 10, null);
    meter.update({ doneBytes: 140 * mib }, 11_000);
    const { bytesPerSecond } = meter.current()!;
    expect(bytesPerSecond).toBeGreaterThan(10 * mib);
    expect(bytesPerSecond).toBeLessThan(18 * mib);
  });

  test('no time left before 5 s, even when much is done', () => {
    expect(steady(10 * mib, 4.9, 100 * mib).current()?.secondsLeft).toBeNull();
    expect(steady(10 * mib, 5, 100 * mib).current()?.secondsLeft).toBe(5);
  });

  test('no time left before 2 %, even after long', () => {
    expect(steady(mib, 19, 1000 * mib).current()?.secondsLeft).toBeNull();
    expect(steady(mib, 20, 1000 * mib).current()?.secondsLeft).toBe(1020);
  });

  test('no time left while the total is not known', () => {
    expect(steady(mib, 60, null).current()?.secondsLeft).toBeNull();
  });

  test('never counts up while nothing moves, and goes when it stalls', () => {
    const meter = steady(10 * mib, 10, 400 * mib);
    let shown = meter.current()!.secondsLeft!;
    expect(shown).toBe(30);
    for (let at = 11_000; at < 40_000; at += 1000) {
      meter.tick(at);
      expect(meter.current()!.secondsLeft).toBeLessThanOrEqual(shown);
      shown = meter.current()!.secondsLeft!;
    }
    meter.tick(40_000);
    expect(meter.current()).toMatchObject({ secondsLeft: null });
  });

  test('is corrected upwards when it really became slower', () => {
    const meter = steady(10 * mib, 10, 400 * mib);
    for (let at = 11_000; at <= 40_000; at += 1000) {
      meter.update({ doneBytes: 100 * mib + ((at - 10_000) / 1000) * mib }, at);
    }
    expect(meter.current()!.secondsLeft).toBeGreaterThan(200);
  });

  test.each([
    [0, 0],
    [3, 5],
    [58, 60],
    [61, 90],
    [601, 660],
    [3601, 3900],
  ])('%i s is shown as %i s', (seconds, shown) => {
    expect(roundSeconds(seconds)).toBe(shown);
  });
});

describe('when nothing moves', () => {
  test('says so after 30 s and not before, and stops saying it when something moves', () => {
    const meter = createMeter(0);
    meter.update({ doneBytes: 10, totalBytes: 100 }, 1000);
    meter.tick(30_999);
    expect(meter.current()?.stalled).toBeNull();
    meter.tick(31_000);
    expect(meter.current()?.stalled).toBe('Waiting for storage…');
    meter.update({ doneBytes: 11 }, 31_500);
    expect(meter.current()?.stalled).toBeNull();
  });

  test('hearing the same numbers again is not moving', () => {
    const meter = createMeter(0);
    for (let at = 0; at <= 30_000; at += 1000) meter.update({ doneBytes: 10 }, at);
    expect(meter.current()?.stalled).toBe('Waiting for storage…');
  });

  test('says what is waited for when the job told', () => {
    const meter = createMeter(0);
    meter.update({ doneBytes: 10, waitingFor: 'Waiting for libvirt…' }, 0);
    meter.tick(30_000);
    expect(meter.current()?.stalled).toBe('Waiting for libvirt…');
  });
});

describe('the end', () => {
  test('fills the bar when it is done, with the speed of the whole job', () => {
    const meter = createMeter(0);
    meter.update({ doneBytes: 80, totalBytes: 100 }, 1000);
    meter.finish(true, 2000);
    expect(meter.current()).toMatchObject({
      doneBytes: 80,
      totalBytes: 80,
      bytesPerSecond: 40,
      secondsLeft: null,
      stalled: null,
    });
  });

  test('leaves the bar where it stopped otherwise', () => {
    const meter = createMeter(0);
    meter.update({ doneBytes: 80, totalBytes: 100 }, 1000);
    meter.tick(60_000);
    meter.finish(false, 60_000);
    expect(meter.current()).toMatchObject({ doneBytes: 80, totalBytes: 100, stalled: null });
  });
});
