/**
 * How much a running machine reads and writes, from two readings of its counters. A run that waits
 * is asked about again and again: the reading of a moment ago is then the first of the two, and
 * nobody waits.
 */
import type { MachineId } from '#contract/domain.ts';
import type { Clock } from '#engine/world/clock.ts';

/** How far apart two readings are that are made one after the other. Milliseconds. */
export const sampleMs = 2000;
/** An older reading says how busy the machine was, not how busy it is. */
export const maxSampleAgeMs = 3 * 60_000;
/** Machines whose last reading is kept. */
export const maxSamples = 1000;

interface Sample {
  readonly at: number; // monotonic milliseconds
  readonly bytes: number;
}

export interface GuestTraffic {
  /**
   * Bytes a second, read and written together.
   * @param read all bytes since the machine started; null when it is off. May reject.
   */
  rate(machine: MachineId, read: () => Promise<number | null>): Promise<number>;
}

export function createGuestTraffic(clock: Clock): GuestTraffic {
  const samples = new Map<MachineId, Sample>();
  const take = async (machine: MachineId, read: () => Promise<number | null>) => {
    const before = samples.get(machine) ?? null;
    samples.delete(machine);
    const bytes = await read();
    if (bytes === null) return { before: null, now: null };
    const now: Sample = { at: clock.monotonic(), bytes };
    samples.set(machine, now);
    const [oldest] = samples.keys();
    if (samples.size > maxSamples && oldest !== undefined) samples.delete(oldest);
    return { before, now };
  };
  return {
    rate: async (machine, read) => {
      const first = await take(machine, read);
      if (first.now === null) return 0;
      const known = bytesPerSecond(first.before, first.now);
      if (known !== null) return known;
      await clock.sleep(sampleMs);
      const second = await take(machine, read);
      return second.now === null ? 0 : (bytesPerSecond(first.now, second.now) ?? 0);
    },
  };
}

/** Null when the two say nothing: too near, too far apart, or the machine was started anew. */
function bytesPerSecond(before: Sample | null, now: Sample): number | null {
  if (before === null) return null;
  const elapsedMs = now.at - before.at;
  if (elapsedMs < sampleMs || elapsedMs > maxSampleAgeMs || now.bytes < before.bytes) return null;
  return ((now.bytes - before.bytes) * 1000) / elapsedMs;
}
