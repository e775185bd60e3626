import { expect, test } from 'vitest';
import { handClock, handClockStart } from '../../fakes/clock.ts';
import { code } from '../../fakes/jobs.ts';

test('time stands still until it is turned, and both clocks turn together', async () => {
  const clock = handClock();
  expect([clock.now(), clock.monotonic()]).toEqual([handClockStart, 0]);
  await clock.advance(1500);
  expect([clock.now(), clock.monotonic()]).toEqual([handClockStart + 1500, 1500]);
});

test('timers fire in order, each at its own moment, also those a timer starts', async () => {
  const clock = handClock(0);
  const fired: [string, number][] = [];
  clock.timer(30, () => fired.push(['c', clock.now()]));
  clock.timer(10, () => {
    fired.push(['a', clock.now()]);
    clock.timer(10, () => fired.push(['b', clock.now()]));
  });
  clock.timer(30, () => fired.push(['d', clock.now()]));
  await clock.advance(29);
  expect(fired).toEqual([
    ['a', 10],
    ['b', 20],
  ]);
  await clock.advance(1);
  expect(fired.slice(2)).toEqual([
    ['c', 30],
    ['d', 30],
  ]);
  expect(clock.waiting).toBe(0);
});

test('a cancelled timer never fires', async () => {
  const clock = handClock();
  let fired = false;
  const cancel = clock.timer(10, () => {
    fired = true;
  });
  cancel();
  await clock.advance(100);
  expect([fired, clock.waiting]).toEqual([false, 0]);
});

test('a loop that sleeps gets every turn it is due', async () => {
  const clock = handClock();
  let turns = 0;
  void (async () => {
    for (;;) {
      await clock.sleep(100);
      turns += 1;
    }
  })();
  await clock.advance(1000);
  expect(turns).toBe(10);
});

test('a sleep ends as cancelled when its signal fires, before or during it', async () => {
  const clock = handClock();
  const controller = new AbortController();
  const sleeping = clock.sleep(1000, controller.signal);
  controller.abort();
  await expect(sleeping).rejects.toThrow(code('cancelled'));
  await expect(clock.sleep(1000, controller.signal)).rejects.toThrow(code('cancelled'));
  expect(clock.waiting).toBe(0);
});

test('setting the wall clock does not move monotonic time or fire anything', async () => {
  const clock = handClock();
  let fired = false;
  clock.timer(10, () => {
    fired = true;
  });
  clock.setWallClock(0);
  await clock.settle();
  expect([clock.now(), clock.monotonic(), fired]).toEqual([0, 0, false]);
});

test('while the computer sleeps time goes on outside, and no timer notices', async () => {
  const clock = handClock();
  const before = clock.now();
  let fired = false;
  clock.timer(10, () => {
    fired = true;
  });
  clock.sleepComputer(5000);
  await clock.settle();
  expect([clock.now() - before, clock.sinceBoot(), clock.monotonic(), fired]).toEqual([
    ...[5000, 5000, 0, false],
  ]);
  await clock.advance(10);
  expect(fired).toBe(true);
});
