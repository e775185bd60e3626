import { expect } from 'vitest';
import type { Hypervisor, HypervisorEvent } from '#engine/hypervisor/hypervisor.ts';

const eventLimitMs = 1000; // "changes on screen within a second"

/** Collects events and waits for one. */
export function watch(hypervisor: Hypervisor) {
  const seen: HypervisorEvent[] = [];
  const stop = hypervisor.on((event) => seen.push(event));
  const until = async (what: (event: HypervisorEvent) => boolean, limitMs = eventLimitMs) => {
    await expect.poll(() => seen.some(what), { timeout: limitMs, interval: 10 }).toBe(true);
    return seen.find(what)!;
  };
  return { seen, stop, until };
}
