/**
 * What is known of a machine without looking at it: what its disks hold, the snapshots and restore
 * points it should have and what each of them must bring back. Pure: each function answers a new
 * model, and nothing here ever saw a libvirt.
 */
import { equal, written, zeroes, type Sectors } from './sectors.ts';
import type { Write } from './operation.ts';

/** `saved`: off, with its memory kept by a managed save. */
export type PowerState = 'off' | 'running' | 'paused' | 'saved';

/** What disks held at one moment, by target. */
export type Moment = ReadonlyMap<string, Sectors>;

export interface DiskSpec {
  readonly target: string;
  readonly format: 'qcow2' | 'raw';
  readonly sizeBytes: number;
}

/** The BIOS clock in the guest's memory: proves that memory came back. */
export interface Ticks {
  readonly least: number;
  readonly most: number;
}

export interface KnownSnapshot {
  /** What operations call it; libvirt's name may be another. */
  readonly alias: string;
  readonly name: string;
  readonly storage: 'internal' | 'external' | 'mixed';
  /** Only the disks that are part of it. */
  readonly moment: Moment;
  readonly memory: boolean;
  readonly power: PowerState;
  readonly ticks: Ticks | null;
  readonly by: 'waymark' | 'other';
}

export interface KnownPoint {
  readonly id: string;
  readonly repository: number;
  readonly moment: Moment;
}

export interface Model {
  readonly specs: readonly DiskSpec[];
  readonly power: PowerState;
  readonly disks: Moment;
  readonly snapshots: readonly KnownSnapshot[];
  readonly points: readonly KnownPoint[];
  /** It was gone back somewhere: chains of images may have branches now. */
  readonly reverted: boolean;
}

export function newModel(specs: readonly DiskSpec[]): Model {
  return {
    specs,
    power: 'off',
    disks: new Map(specs.map(({ target, sizeBytes }) => [target, zeroes(sizeBytes)])),
    snapshots: [],
    points: [],
    reverted: false,
  };
}

export function isActive({ power }: Model): boolean {
  return power === 'running' || power === 'paused';
}

export function afterWrite(moment: Moment, write: Write, number: number): Moment {
  const { disk, first, count, zero } = write;
  const before = moment.get(disk);
  if (before === undefined) throw new Error(`No disk ${disk}`);
  return new Map([...moment, [disk, written(before, first, count, zero ? 0 : number)]]);
}

/** The disks of a moment put over those of another: what a revert brings back. */
export function over(under: Moment, moment: Moment): Moment {
  return new Map([...under, ...moment]);
}

export function sameMoment(a: Moment, b: Moment): boolean {
  if (a.size !== b.size) return false;
  return [...a].every(([target, sectors]) => {
    const other = b.get(target);
    return other !== undefined && equal(sectors, other);
  });
}

export function withSnapshot(model: Model, snapshot: KnownSnapshot): Model {
  return { ...model, snapshots: [...model.snapshots, snapshot] };
}

export function withoutSnapshots(model: Model, names: ReadonlySet<string>): Model {
  return { ...model, snapshots: model.snapshots.filter(({ name }) => !names.has(name)) };
}

export function byAlias(model: Model, alias: string): KnownSnapshot | null {
  return model.snapshots.find((one) => one.alias === alias) ?? null;
}

/** Only some of the disks. */
export function only(moment: Moment, targets: ReadonlySet<string>): Moment {
  return new Map([...moment].filter(([target]) => targets.has(target)));
}
