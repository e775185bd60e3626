/**
 * Which machines a plan means now. Pure. A machine is known by its uuid, so one that moved to
 * another host is the same; one on a host that is away is still meant; one that is on no host any
 * more is told of and its restore points stay. One that two hosts know, as after a migration that
 * left its definition behind, is the one that is on.
 */
import type { HostId, MachineId, MachineState } from '#contract/domain.ts';
import type { PlanDraft, PlanMachines } from '#contract/plans.ts';
import type { PlannedMachine } from './conditions.ts';

/** A machine as the fleet sees it. */
export interface SeenMachine extends PlannedMachine {
  readonly state: MachineState;
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

/** One that more than one host knows, where none or several of them are on. */
export interface Doubtful {
  readonly name: string;
  /** The host whose one is meant, and those whose one is not; their names. */
  readonly host: string;
  readonly others: readonly string[];
}

export interface Members {
  readonly here: readonly Member[];
  /** Of those that are here. */
  readonly doubtful: readonly Doubtful[];
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
  const names = new Map(remembered.map((one) => [one.uuid, one]));
  const chosen = new Set(wanted.kind === 'chosen' ? wanted.machines : []);
  const only = wanted.kind === 'host' ? wanted.host : null;
  const { byUuid, doubtful } = homesOf(seen, (one) => {
    // Where it was when it could still be told is where it is.
    if (names.get(one.uuid)?.id === one.id) return 2;
    return chosen.has(one.id) || one.host === only ? 1 : 0;
  });
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
      const found = byUuid.get(uuid) ?? away(names.get(uuid)?.id ?? id) ?? away(id);
      if (found !== null) here.push(found);
      else gone.push(names.get(uuid) ?? { uuid, id, name: uuid });
    }
    const meant = new Set(wanted.machines.map(uuidOf));
    return members({ here: once(here), gone, doubtful, remembered, meant });
  }
  const out = new Set(wanted.except.map(uuidOf));
  const present = [...byUuid.values()].filter(({ host }) => only === null || host === only);
  const absent = remembered
    .filter(({ id, uuid }) => !byUuid.has(uuid) && (only === null || hostOf(id) === only))
    .map(({ id }) => away(id))
    .filter((member) => member !== null);
  const here = once([...present, ...absent]).filter(({ uuid }) => !out.has(uuid));
  const meant = new Set(here.map(({ uuid }) => uuid));
  return members({ here, gone: [], doubtful, remembered, meant });
}

interface Homes {
  readonly byUuid: ReadonlyMap<string, SeenMachine>;
  readonly doubtful: ReadonlyMap<string, Doubtful>;
}

/** One of each machine: the one that is on; among equals by `weight`, and then by its id. */
function homesOf({ hosts, machines }: Seen, weight: (one: SeenMachine) => number): Homes {
  const all = new Map<string, SeenMachine[]>();
  for (const one of machines) {
    const same = all.get(one.uuid);
    if (same === undefined) all.set(one.uuid, [one]);
    else same.push(one);
  }
  const nameOf = ({ host }: SeenMachine) => hosts.find(({ id }) => id === host)?.name ?? host;
  const byUuid = new Map<string, SeenMachine>();
  const doubtful = new Map<string, Doubtful>();
  for (const [uuid, same] of all) {
    const [first, ...rest] = same.sort(
      (a, b) => onRank(b) - onRank(a) || weight(b) - weight(a) || (a.id < b.id ? -1 : 1),
    );
    if (first === undefined) continue;
    byUuid.set(uuid, first);
    const others = rest.filter((one) => onRank(one) === onRank(first)).map(nameOf);
    const { name } = first;
    if (others.length > 0) doubtful.set(uuid, { name, host: nameOf(first), others });
  }
  return { byUuid, doubtful };
}

/** While a machine moves it runs on one host and is paused on the other. */
function onRank({ state }: SeenMachine): number {
  if (state === 'running') return 2;
  return state === 'off' || state === 'crashed' || state === 'unknown' ? 0 : 1;
}

interface Found {
  readonly here: readonly Member[];
  readonly gone: readonly Remembered[];
  readonly doubtful: ReadonlyMap<string, Doubtful>;
  readonly remembered: readonly Remembered[];
  readonly meant: ReadonlySet<string>;
}

function members({ here, gone, doubtful, remembered, meant }: Found): Members {
  const written = new Map(remembered.map((one) => [one.uuid, one]));
  const fresh = here.filter(({ uuid, id, name, disks }) => {
    const known = written.get(uuid);
    return known === undefined || (disks !== null && (known.id !== id || known.name !== name));
  });
  const doubts = here.map(({ uuid }) => doubtful.get(uuid)).filter((doubt) => doubt !== undefined);
  return { here, doubtful: doubts, gone, fresh, forget: notIn(remembered, meant) };
}

/** A machine that was chosen twice is one. */
function once(members: readonly Member[]): readonly Member[] {
  return [...new Map(members.map((member) => [member.uuid, member])).values()];
}

function notIn(remembered: readonly Remembered[], meant: ReadonlySet<string>): readonly string[] {
  return remembered.map(({ uuid }) => uuid).filter((uuid) => !meant.has(uuid));
}
