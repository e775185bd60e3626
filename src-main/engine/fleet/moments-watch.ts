/**
 * Notices snapshots and checkpoints that other programs make, delete or go back to: libvirt sends
 * no event for any of that. Only machines somebody looks at are asked, by names alone (two quick
 * calls that wait for no lock), one after the other.
 */
import type { MachineId } from '#contract/domain.ts';
import type { Hypervisor, MomentNames } from '#engine/hypervisor/hypervisor.ts';
import type { World } from '#engine/world/world.ts';

/** Between two rounds, in milliseconds: what was done elsewhere shows within a second. */
export const roundMs = 700;
/** A machine nobody asked about for this long is not looked at any more; milliseconds. */
export const lookMs = 60_000;
/** The machines of one screen; the one that was asked for longest ago goes first. */
export const maxWatched = 50;

export interface MomentsWatch {
  /** Somebody looks at this machine now. */
  look(machine: MachineId): void;
  stop(): void;
}

export interface MomentsWatchOptions {
  readonly world: World;
  /** Throws while the machine or its host is away. */
  readonly find: (machine: MachineId) => {
    readonly hypervisor: Hypervisor;
    readonly uuid: string;
  };
  readonly changed: (machine: MachineId) => void;
}

interface Watched {
  lookedAt: number; // monotonic
  seen: string | null;
}

export function createMomentsWatch(options: MomentsWatchOptions): MomentsWatch {
  const { world, find, changed } = options;
  const watched = new Map<MachineId, Watched>();
  let cancelTimer: (() => void) | null = null;
  let stopped = false;

  const lookAt = async (machine: MachineId, entry: Watched) => {
    try {
      const { hypervisor, uuid } = find(machine);
      const seen = fingerprint(await hypervisor.momentNames(uuid));
      if (entry.seen !== null && entry.seen !== seen) changed(machine);
      entry.seen = seen;
    } catch {
      entry.seen = null; // away: whoever looks is told by other events, and asks again after
    }
  };
  const round = async () => {
    const now = world.clock.monotonic();
    for (const [machine, entry] of [...watched]) {
      if (now - entry.lookedAt > lookMs) watched.delete(machine);
      else await lookAt(machine, entry);
    }
    later();
  };
  const later = () => {
    if (stopped || watched.size === 0) {
      cancelTimer = null;
      return;
    }
    cancelTimer = world.clock.timer(roundMs, () => void round());
  };
  return {
    look: (machine) => {
      const seen = watched.get(machine)?.seen ?? null;
      watched.delete(machine); // set again last: the order is by who was asked for
      watched.set(machine, { lookedAt: world.clock.monotonic(), seen });
      const [oldest] = watched.keys();
      if (watched.size > maxWatched && oldest !== undefined) watched.delete(oldest);
      if (cancelTimer === null) later();
    },
    stop: () => {
      stopped = true;
      cancelTimer?.();
      cancelTimer = null;
    },
  };
}

function fingerprint({ snapshots, currentSnapshot, checkpoints }: MomentNames): string {
  return JSON.stringify([snapshots, currentSnapshot, checkpoints]);
}
