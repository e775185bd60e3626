/**
 * Which machines a plan means now. Pure. A machine is known by its uuid, so one that moved to
 * another host is the same; one on a host that is away is still meant; one that is on no host any
 * more is told of and its restore points stay.
 */
import type { HostId, MachineId } from '#contract/domain.ts';
import type { PlanDraft, PlanMachines } from '#contract/plans.ts';
import type { PlannedMachine } from './conditions.ts';

/** A machine as the fleet sees it. */
export interface SeenMachine extends PlannedMachine {
  readonly disks: readonly string[];
}

export interface SeenHost {
  readonly id: HostId;
  readonly name: string;
  /** False: what is on it is not known now. */
  readonly connected: boolean;
}

export interface Seen {
  readonly hosts: readonly SeenHost[];
  readonly machines: readonly SeenMachine[];
}

/** What was written down about a machine when it was seen last. */
export interface Remembered {
  readonly uuid: string;
  readonly id: MachineId;
  readonly name: string;
}

export interface Member extends PlannedMachine {
  /** Null: its host is away. */
  readonly disks: readonly string[] | null;
}

export interface Members {
  readonly here: readonly Member[];
  /** Chosen by a person and on no host any more. */
  readonly gone: readonly Remembered[];
  /** Meant and here, and not written down as they are now. */
  readonly fresh: readonly Member[];
  /** Written down, and not meant any more. */
  readonly forget: readonly string[];
}

function hostOf(id: MachineId): HostId {
  return id.slice(0, Math.max(0, id.lastIndexOf('/'))) as HostId;
}

function uuidOf(id: MachineId): string {
  return id.slice(id.lastIndexOf('/') + 1);
}

/**
 * The disks that stay out, wherever the machine is now: it keeps its uuid when it moves to another
 * host. What was said of it where it is counts before what was said of it elsewhere.
 */
export function leftOut(exclude: PlanDraft['exclude'], id: MachineId): readonly string[] {
  const same = exclude.filter(({ machine }) => uuidOf(machine) === uuidOf(id));
  return (same.find(({ machine }) => machine === id) ?? same[0])?.targets ?? [];
}

export function membersOf(
  wanted: PlanMachines,
  seen: Seen,
  remembered: readonly Remembered[],
): Members {
  const hosts = new Map(seen.hosts.map((host) => [host.id, host]));
  const byId = new Map(seen.machines.map((machine) => [machine.id, machine]));
  const byUuid = new Map(seen.machines.map((machine) => [machine.uuid, machine]));
  const names = new Map(remembered.map((one) => [one.uuid, one]));
  const away = (id: MachineId): Member | null => {
    if (hosts.get(hostOf(id))?.connected !== false) return null;
    const uuid = uuidOf(id);
    return { id, uuid, name: names.get(uuid)?.name ?? uuid, host: hostOf(id), disks: null };
  };
  if (wanted.kind === 'chosen') {
    const here: Member[] = [];
    const gone: Remembered[] = [];
    for (const id of wanted.machines) {
      const uuid = uuidOf(id);
      const found = byId.get(id) ?? byUuid.get(uuid) ?? away(names.get(uuid)?.id ?? id) ?? away(id);
      if (found !== null) here.push(found);
      else gone.push(names.get(uuid) ?? { uuid, id, name: uuid });
    }
    const meant = new Set(wanted.machines.map(uuidOf));
    return members(once(here), gone, remembered, meant);
  }
  const out = new Set(wanted.except.map(uuidOf));
  const only = wanted.kind === 'host' ? wanted.host : null;
  const present = seen.machines.filter(({ host }) => only === null || host === only);
  const absent = remembered
    .filter(({ id, uuid }) => !byUuid.has(uuid) && (only === null || hostOf(id) === only))
    .map(({ id }) => away(id))
    .filter((member) => member !== null);
  const here = once([...present, ...absent]).filter(({ uuid }) => !out.has(uuid));
  return members(here, [], remembered, new Set(here.map(({ uuid }) => uuid)));
}

function members(
  here: readonly Member[],
  gone: readonly Remembered[],
  remembered: readonly Remembered[],
  meant: ReadonlySet<string>,
): Members {
  const written = new Map(remembered.map((one) => [one.uuid, one]));
  const fresh = here.filter(({ uuid, id, name, disks }) => {
    const known = written.get(uuid);
    return known === undefined || (disks !== null && (known.id !== id || known.name !== name));
  });
  return { here, gone, fresh, forget: notIn(remembered, meant) };
}

/** A machine that two hosts know, or that was chosen twice, is one. */
function once(members: readonly Member[]): readonly Member[] {
  return [...new Map(members.map((member) => [member.uuid, member])).values()];
}

function notIn(remembered: readonly Remembered[], meant: ReadonlySet<string>): readonly string[] {
  return remembered.map(({ uuid }) => uuid).filter((uuid) => !meant.has(uuid));
}
