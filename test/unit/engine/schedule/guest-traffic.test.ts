import { expect, test } from 'vitest';
import type { MachineId } from '#contract/domain.ts';
import {
  createGuestTraffic,
  maxSampleAgeMs,
  maxSamples,
  sampleMs,
} from '#engine/schedule/guest-traffic.ts';
import { handClock } from '../../../fakes/clock.ts';

const web = 'host-1/web' as MachineId;

/** A machine that moves this much a second; its counters can be set. */
function machine(bytesPerSecond: number) {
  const clock = handClock();
  let base = 0;
  let readings = 0;
  return {
    clock,
    traffic: createGuestTraffic(clock),
    read: () => {
      readings += 1;
      return Promise.resolve(base + (clock.monotonic() * bytesPerSecond) / 1000);
    },
    startAnew: () => {
      base = -(clock.monotonic() * bytesPerSecond) / 1000;
    },
    get readings() {
      return readings;
    },
  };
}

test('the first time two readings are made', async () => {
  const { clock, traffic, read } = machine(1000);
  const rate = traffic.rate(web, read);
  await clock.advance(sampleMs);
  expect(await rate).toBe(1000);
});

test('asked again it answers at once, from the reading before', async () => {
  const it = machine(1000);
  const first = it.traffic.rate(web, it.read);
  await it.clock.advance(sampleMs + 60_000);
  await first;
  const before = it.readings;
  expect(await it.traffic.rate(web, it.read)).toBe(1000);
  expect(it.readings).toBe(before + 1);
});

test.each([
  ['too old', maxSampleAgeMs + 1],
  ['too new', sampleMs - 1],
])('a reading that is %s is not believed', async (_what, later) => {
  const it = machine(1000);
  const first = it.traffic.rate(web, it.read);
  await it.clock.advance(sampleMs);
  await first;
  await it.clock.advance(later);
  const before = it.readings;
  const second = it.traffic.rate(web, it.read);
  await it.clock.advance(sampleMs);
  expect(await second).toBe(1000);
  expect(it.readings).toBe(before + 2);
});

test('counters that began anew say nothing of what was before', async () => {
  const it = machine(1000);
  const first = it.traffic.rate(web, it.read);
  await it.clock.advance(sampleMs);
  await first;
  await it.clock.advance(60_000);
  it.startAnew();
  const second = it.traffic.rate(web, it.read);
  await it.clock.advance(sampleMs);
  expect(await second).toBe(1000);
});

test('a machine that is off moves nothing, and is not waited for', async () => {
  const { traffic } = machine(0);
  expect(await traffic.rate(web, () => Promise.resolve(null))).toBe(0);
});

test('the readings of only so many machines are kept', async () => {
  const { clock, traffic } = machine(0);
  let readings = 0;
  const read = () => {
    readings += 1;
    return Promise.resolve(0);
  };
  const all = Array.from({ length: maxSamples + 1 }, (_one, n) => `host-1/${n}` as MachineId);
  const rates = Promise.all(all.map((id) => traffic.rate(id, read)));
  await clock.advance(sampleMs);
  await rates;
  await clock.advance(60_000);
  readings = 0;
  await traffic.rate(all.at(-1)!, read);
  expect(readings).toBe(1);
  const forgotten = traffic.rate(all[0]!, read);
  await clock.advance(sampleMs);
  await forgotten;
  expect(readings).toBe(3);
});
