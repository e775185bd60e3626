/**
 * How the checkpoints of every machine are and what changed since, in memory. libvirt counts the
 * bytes within a job of the machine, so it is asked seldom: once at a time and not within
 * `minAskMs` for one machine, never while a job of the machine is under way, and by the sweep,
 * which goes round all running machines with a reference, one after the other with `sweepGapMs`
 * between them (facts D2, D13). What is asked for in between comes from memory, and says so.
 */
import type { Machine, MachineId } from '#contract/domain.ts';
import type { CheckpointStates } from '#contract/moments.ts';
import { AppError } from '#contract/errors.ts';
import type { World } from '#engine/world/world.ts';
import { askStates, unknownState, type AskedMachine, type TimedState } from './ask-states.ts';

/** Between two askings of one machine. */
export const minAskMs = 5000;
/** Between two machines of the sweep. */
export const sweepGapMs = 1500;
/** A machine is not swept again before this: what changed since is no stopwatch. */
export const sweepRestMs = 30_000;

export interface StatesMachine extends AskedMachine {
  /** Title of the Waymark job that runs or waits on it; null when none does. */
  readonly job: string | null;
  /** Names of the checkpoints the next backups start from, as the catalog knows them. */
  references(): readonly string[];
}

export interface StatesParts {
  readonly world: World;
  /** All machines of hosts that are connected. */
  machines(): readonly MachineId[];
  /** Throws `machine-not-found`, or why its host is away. */
  find(machine: MachineId): StatesMachine;
  /** `changedOf` says something else of this machine now. */
  changed(machine: MachineId): void;
}

export interface KnownStates {
  /** Errors: those of `find` and of the connection, when nothing is in memory. */
  of(machine: MachineId): Promise<CheckpointStates>;
  /** From memory: bytes since the newest reference that could be asked about. */
  changedOf(machine: MachineId): Machine['changed'];
  /** Begins the sweep. */
  start(): void;
  /** Ends it; resolves when nothing is being asked any more. */
  stop(): Promise<void>;
}

export function createCheckpointStates(parts: StatesParts): KnownStates {
  return new RememberedStates(parts);
}

interface Memory {
  checkpoints: readonly TimedState[];
  /** Wall clock; null until it was answered once. */
  at: number | null;
  /** Monotonic; when it was asked last, whatever came of it. */
  askedAt: number;
  waits: string | null;
  /** Why the newest asking told nothing. */
  failure: AppError | null;
  asking: Promise<void> | null;
  changed: Machine['changed'];
}

function emptyMemory(): Memory {
  return {
    checkpoints: [],
    at: null,
    askedAt: -Infinity,
    waits: null,
    failure: null,
    asking: null,
    changed: null,
  };
}

class RememberedStates implements KnownStates {
  readonly #parts: StatesParts;
  readonly #memory = new Map<MachineId, Memory>();
  /** Monotonic; when the sweep came by each machine last. */
  readonly #swept = new Map<MachineId, number>();
  #sweeping = false;
  #cancelNext: () => void = () => undefined;
  #round: Promise<void> = Promise.resolve();

  constructor(parts: StatesParts) {
    this.#parts = parts;
  }

  async of(machine: MachineId): Promise<CheckpointStates> {
    const found = this.#parts.find(machine);
    const memory = this.#memory.get(machine) ?? null;
    if (found.job !== null) {
      const waits = `“${found.job}” is under way. It is told after that.`;
      if (memory !== null && memory.at !== null)
        return shown(machine, memory.checkpoints, memory.at, waits);
      const listed = await found.hypervisor.listCheckpoints(found.uuid);
      return shown(machine, listed.map(unknownState), this.#parts.world.clock.now(), waits);
    }
    if (memory !== null && !this.#mayAsk(memory)) {
      await memory.asking;
      return remembered(machine, memory);
    }
    return remembered(machine, await this.#ask(machine, found));
  }

  changedOf(machine: MachineId): Machine['changed'] {
    return this.#memory.get(machine)?.changed ?? null;
  }

  start(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    this.#later();
  }

  async stop(): Promise<void> {
    this.#sweeping = false;
    this.#cancelNext();
    await this.#round;
    const asked = [...this.#memory.values()].map(({ asking }) => asking ?? Promise.resolve());
    await Promise.allSettled(asked); // whoever asked is told what went wrong
  }

  #mayAsk({ asking, askedAt }: Memory): boolean {
    return asking === null && this.#parts.world.clock.monotonic() - askedAt >= minAskMs;
  }

  /** One asking of one machine at a time: whoever comes meanwhile waits for the same answer. */
  async #ask(machine: MachineId, found: StatesMachine): Promise<Memory> {
    const memory = this.#memory.get(machine) ?? emptyMemory();
    this.#memory.set(machine, memory);
    memory.askedAt = this.#parts.world.clock.monotonic();
    memory.asking = this.#answer(machine, found, memory).finally(() => {
      memory.asking = null;
    });
    await memory.asking;
    return memory;
  }

  /** Never throws what libvirt or the connection says: that is remembered too. */
  async #answer(machine: MachineId, found: StatesMachine, memory: Memory): Promise<void> {
    const { world } = this.#parts;
    try {
      const { checkpoints, waits } = await askStates(world, found, memory.checkpoints);
      // What is shown is at least as new as `at` says.
      if (waits === null || memory.at === null) memory.at = world.clock.now();
      memory.checkpoints = checkpoints;
      memory.waits = waits;
      memory.failure = null;
    } catch (thrown) {
      if (!(thrown instanceof AppError)) throw thrown;
      memory.failure = thrown;
      return;
    }
    this.#note(machine, memory, changedSince(found, memory));
  }

  #note(machine: MachineId, memory: Memory, changed: Machine['changed']): void {
    const before = memory.changed;
    memory.changed = changed;
    const same = before?.bytes === changed?.bytes && before?.since === changed?.since;
    if (!same) this.#parts.changed(machine);
  }

  #later(): void {
    const { clock, log } = this.#parts.world;
    if (!this.#sweeping) return;
    this.#cancelNext = clock.timer(sweepGapMs, () => {
      this.#round = this.#sweepOne()
        .catch((thrown: unknown) => void log.error('What changed could not be asked', thrown))
        .finally(() => {
          this.#later();
        });
    });
  }

  /** The running machine that was asked the longest ago. */
  async #sweepOne(): Promise<void> {
    const machines = this.#parts.machines();
    this.#forget(new Set(machines));
    let next: { machine: MachineId; found: StatesMachine; askedAt: number } | null = null;
    for (const machine of machines) {
      const found = this.#foundOrNull(machine);
      const memory = this.#memory.get(machine);
      if (found?.active !== true) {
        if (memory !== undefined) this.#note(machine, memory, null);
        continue;
      }
      const askedAt = Math.max(memory?.askedAt ?? -Infinity, this.#swept.get(machine) ?? -Infinity);
      const rested = this.#parts.world.clock.monotonic() - askedAt >= sweepRestMs;
      if (found.job !== null || !rested) continue;
      if (next === null || askedAt < next.askedAt) next = { machine, found, askedAt };
    }
    if (next === null) return;
    this.#swept.set(next.machine, this.#parts.world.clock.monotonic());
    if (next.found.references().length > 0) await this.#ask(next.machine, next.found);
  }

  /** Bounds the memory by the machines there are. */
  #forget(there: ReadonlySet<MachineId>): void {
    for (const [machine, { asking }] of this.#memory) {
      if (!there.has(machine) && asking === null) this.#memory.delete(machine);
    }
    for (const machine of this.#swept.keys()) {
      if (!there.has(machine)) this.#swept.delete(machine);
    }
  }

  #foundOrNull(machine: MachineId): StatesMachine | null {
    try {
      return this.#parts.find(machine);
    } catch (thrown) {
      if (thrown instanceof AppError) return null; // its host went away in this very moment
      throw thrown;
    }
  }
}

function changedSince(
  { active, references }: StatesMachine,
  { checkpoints, at }: Memory,
): Machine['changed'] {
  if (!active || at === null) return null;
  const names = references();
  const newest = checkpoints
    .filter(({ name, changedBytes }) => names.includes(name) && changedBytes !== null)
    .sort((a, b) => b.time - a.time)[0];
  if (newest === undefined || newest.changedBytes === null) return null;
  return { bytes: newest.changedBytes, since: newest.time, at };
}

function remembered(machine: MachineId, { checkpoints, at, waits, failure }: Memory) {
  if (at !== null) return shown(machine, checkpoints, at, failure?.message ?? waits);
  throw failure ?? new AppError('machine-not-found', 'The machine is not there now.');
}

function shown(
  machine: MachineId,
  checkpoints: readonly TimedState[],
  at: number,
  waits: string | null,
): CheckpointStates {
  return { machine, at, checkpoints: checkpoints.map(({ time: _time, ...state }) => state), waits };
}
