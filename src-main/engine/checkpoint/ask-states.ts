/** Asks once how the checkpoints of one machine are and how much changed since each. */
import type { BitmapHealth, CheckpointDiskState, CheckpointState } from '#contract/moments.ts';
import { AppError, hasCode } from '#contract/errors.ts';
import type { DomainDefinition } from '#engine/hypervisor/domain-xml.ts';
import type { CheckpointRecord, Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import { imageChain, isRecording } from '#engine/nbd/image.ts';
import type { World } from '#engine/world/world.ts';
import { healthInChain, type ChainBitmaps } from './bitmaps.ts';

/** Checkpoints one asking asks libvirt about, each a job of the machine; the newest. */
export const maxAskedCheckpoints = 32;

export type StatesHypervisor = Pick<Hypervisor, 'listCheckpoints' | 'checkpointChangedBytes'>;

export interface AskedMachine {
  readonly uuid: string;
  readonly hypervisor: StatesHypervisor;
  readonly definition: DomainDefinition;
  /** A QEMU has its images open. */
  readonly active: boolean;
}

export interface TimedState extends CheckpointState {
  readonly time: number;
}

export interface Asked {
  readonly checkpoints: readonly TimedState[];
  /** libvirt was busy, so some are as they were before; or null. */
  readonly waits: string | null;
}

/**
 * Never waits for another job of the machine: where one is under way, `before` is what is told.
 * Errors: `machine-not-found` and those of the connection.
 */
export async function askStates(
  world: World,
  machine: AskedMachine,
  before: readonly TimedState[],
): Promise<Asked> {
  const records = await machine.hypervisor.listCheckpoints(machine.uuid);
  const images = new ImageReader(world, machine.definition);
  const found = new Map<string, TimedState>();
  let waits: string | null = null;
  const newestFirst = [...records].sort((a, b) => b.time - a.time);
  for (const record of newestFirst.slice(0, maxAskedCheckpoints)) {
    try {
      const state = machine.active
        ? await liveState(machine, record, images)
        : await closedState(record, images);
      found.set(record.name, state);
    } catch (thrown) {
      if (hasCode(thrown, 'machine-busy')) {
        waits = 'Another job of this machine is under way in libvirt. It is told after that.';
        break;
      }
      // Deleted, or the machine stopped, in this very moment: not known now.
      if (!hasCode(thrown, 'libvirt-error')) throw thrown;
    }
  }
  const known = (name: string) => found.get(name) ?? before.find((one) => one.name === name);
  return { checkpoints: records.map((one) => known(one.name) ?? unknownState(one)), waits };
}

async function liveState(
  { uuid, hypervisor }: AskedMachine,
  { name, time, disks }: CheckpointRecord,
  images: ImageReader,
): Promise<TimedState> {
  const changed = await hypervisor.checkpointChangedBytes(uuid, name);
  const states: CheckpointDiskState[] = [];
  for (const { target, bitmap } of disks) {
    const bytes = changed.find((one) => one.target === target)?.bytes ?? null;
    const health = bytes !== null ? 'healthy' : await images.howBroken(target, bitmap);
    states.push({ target, health, changedBytes: bytes });
  }
  return summed(name, time, states);
}

/** qemu-img tells how a bitmap is, not what is in it. */
async function closedState(
  { name, time, disks }: CheckpointRecord,
  images: ImageReader,
): Promise<TimedState> {
  const states: CheckpointDiskState[] = [];
  for (const { target, bitmap } of disks) {
    const chain = await images.chainOf(target);
    const health = chain === null ? 'unknown' : healthInChain(chain, bitmap);
    states.push({ target, health, changedBytes: null });
  }
  return summed(name, time, states);
}

/** Before any was asked about: all that libvirt lists, with nothing known of it. */
export function unknownState({ name, time, disks }: CheckpointRecord): TimedState {
  const states = disks.map(({ target }) => ({
    target,
    health: 'unknown' as const,
    changedBytes: null,
  }));
  return summed(name, time, states);
}

const worstFirst: readonly BitmapHealth[] = ['missing', 'inconsistent', 'unknown', 'healthy'];

function summed(name: string, time: number, disks: readonly CheckpointDiskState[]): TimedState {
  const health = worstFirst.find((one) => disks.some((disk) => disk.health === one)) ?? 'unknown';
  let changedBytes: number | null = disks.length === 0 ? null : 0;
  for (const disk of disks) {
    changedBytes =
      changedBytes === null || disk.changedBytes === null ? null : changedBytes + disk.changedBytes;
  }
  return { name, time, health, changedBytes, disks };
}

/** Reads each disk's images once in an asking, without a lock: a start must not meet one. */
class ImageReader {
  readonly #world: World;
  readonly #definition: DomainDefinition;
  readonly #chains = new Map<string, Promise<ChainBitmaps | null>>();

  constructor(world: World, definition: DomainDefinition) {
    this.#world = world;
    this.#definition = definition;
  }

  /** Null where it cannot be read. */
  chainOf(target: string): Promise<ChainBitmaps | null> {
    const known = this.#chains.get(target);
    if (known !== undefined) return known;
    const chain = this.#read(target);
    this.#chains.set(target, chain);
    return chain;
  }

  /** Of a bitmap that libvirt calls unusable: the file says whether there is one at all. */
  async howBroken(target: string, bitmap: string): Promise<BitmapHealth> {
    const chain = await this.chainOf(target);
    if (chain === null) return 'inconsistent';
    const there = chain.some(({ bitmaps }) => bitmaps?.some(({ name }) => name === bitmap));
    return there ? 'inconsistent' : 'missing';
  }

  async #read(target: string): Promise<ChainBitmaps | null> {
    const disk = this.#definition.disks.find((candidate) => candidate.target === target);
    if (disk?.sourceKind !== 'file' && disk?.sourceKind !== 'block') return null;
    if (disk.source === null) return null;
    try {
      const images = await imageChain(this.#world, disk.source, { share: true });
      return images.map(({ path, bitmaps }) => ({
        path,
        bitmaps: bitmaps.map((bitmap) => ({
          name: bitmap.name,
          health: isRecording(bitmap) ? ('healthy' as const) : ('inconsistent' as const),
        })),
      }));
    } catch (thrown) {
      if (thrown instanceof AppError) return null;
      throw thrown;
    }
  }
}
