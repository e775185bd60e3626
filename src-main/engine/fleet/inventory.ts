import type { Hypervisor, MachineRecord } from '#engine/hypervisor/hypervisor.ts';
import { hasCode } from '#contract/errors.ts';

/** A machine as read from libvirt, with what reading its disks added. */
export interface KnownMachine {
  readonly record: MachineRecord;
  /** Size of each disk by target; missing where libvirt could not read the image. */
  readonly sizes: ReadonlyMap<string, number>;
}

export interface InventoryEvents {
  machineChanged(uuid: string): void;
  machineRemoved(uuid: string): void;
}

/**
 * The machines of one host as last read. Reads are ordered per machine: an event that arrives while
 * a machine is being read makes it read once more, so the last word is always libvirt's newest.
 */
export interface Inventory {
  all(): readonly KnownMachine[];
  get(uuid: string): KnownMachine | null;
  readAll(hypervisor: Hypervisor): Promise<void>;
  refresh(hypervisor: Hypervisor, uuid: string): Promise<void>;
  clear(): void;
}

const idle = (_uuid: string) => false;

/** `worksOn`: a job of ours works on the machine. */
export function createInventory(events: InventoryEvents, worksOn = idle): Inventory {
  const machines = new Map<string, KnownMachine>();
  const reading = new Map<string, { again: boolean; done: Promise<void> }>();
  const reads = readCounts();

  const forget = (uuid: string) => {
    if (machines.delete(uuid)) events.machineRemoved(uuid);
  };

  const sizesOf = (hypervisor: Hypervisor, record: MachineRecord) =>
    diskSizes(hypervisor, record, machines.get(record.uuid)?.sizes, worksOn(record.uuid));

  const readOne = async (hypervisor: Hypervisor, uuid: string) => {
    try {
      const record = await hypervisor.getMachine(uuid);
      machines.set(uuid, { record, sizes: await sizesOf(hypervisor, record) });
      reads.count(uuid);
      events.machineChanged(uuid);
    } catch (thrown) {
      if (!hasCode(thrown, 'machine-not-found')) throw thrown;
      reads.count(uuid);
      forget(uuid);
    }
  };

  const refresh = (hypervisor: Hypervisor, uuid: string): Promise<void> => {
    const running = reading.get(uuid);
    if (running !== undefined) {
      running.again = true;
      return running.done;
    }
    const entry = { again: true, done: Promise.resolve() };
    entry.done = (async () => {
      try {
        while (entry.again) {
          entry.again = false;
          await readOne(hypervisor, uuid);
        }
      } finally {
        reading.delete(uuid);
      }
    })();
    reading.set(uuid, entry);
    return entry.done;
  };

  return {
    all: () => [...machines.values()],
    get: (uuid) => machines.get(uuid) ?? null,
    readAll: async (hypervisor) => {
      const isNewer = reads.since();
      const records = await hypervisor.listMachines();
      const seen = new Set(records.map((record) => record.uuid));
      for (const uuid of [...machines.keys()]) if (!seen.has(uuid) && !isNewer(uuid)) forget(uuid);
      await Promise.all(
        records.map(async (record) => {
          const sizes = await sizesOf(hypervisor, record);
          if (isNewer(record.uuid)) return; // an event was faster and knows better
          machines.set(record.uuid, { record, sizes });
          events.machineChanged(record.uuid);
        }),
      );
    },

    refresh,
    clear: () => {
      for (const uuid of [...machines.keys()]) forget(uuid);
    },
  };
}

/** How often each machine was read by itself: what a list said before that is older. */
function readCounts() {
  const counts = new Map<string, number>();
  return {
    count: (uuid: string) => {
      counts.set(uuid, (counts.get(uuid) ?? 0) + 1);
    },
    /** Tells of a machine whether it was read after this call. */
    since: () => {
      const before = new Map(counts);
      return (uuid: string) => counts.get(uuid) !== before.get(uuid);
    },
  };
}

/**
 * `known`: what was read before, which stays where a busy machine must not be asked. While a job of
 * ours works on it, it is enough: see refuseWhileMemoryIsWritten for what asking can do.
 */
async function diskSizes(
  hypervisor: Hypervisor,
  record: MachineRecord,
  known: ReadonlyMap<string, number> = new Map(),
  knownIsEnough: boolean,
): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for (const disk of record.definition.disks) {
    if (disk.source === null) continue;
    const before = known.get(disk.target);
    if (knownIsEnough && before !== undefined) {
      sizes.set(disk.target, before);
      continue;
    }
    try {
      const info = await hypervisor.blockInfo(record.uuid, disk.target);
      sizes.set(disk.target, info.capacityBytes);
    } catch (thrown) {
      // A missing image is shown as an unknown size; a backup will say what is wrong with it.
      if (hasCode(thrown, 'libvirt-connection-lost', 'libvirt-timeout')) throw thrown;
      if (hasCode(thrown, 'machine-busy') && before !== undefined) sizes.set(disk.target, before);
    }
  }
  return sizes;
}
