/** What the scheduler asks of the world, answered by the rooms that know it. */
import type { MachineId, RepositoryId } from '#contract/domain.ts';
import { hasCode } from '#contract/errors.ts';
import { isOnBattery, readPowerSupplies } from '#engine/computer/battery.ts';
import { isMetered, readMetered } from '#engine/computer/metered.ts';
import {
  createConditions,
  type ConditionSources,
  type RepositoryNow,
} from '#engine/schedule/check-conditions.ts';
import type { Conditions } from '#engine/schedule/conditions.ts';
import { bytesInWords } from '#engine/snapshot/words.ts';
import { inspectRepository } from '#engine/store/repository.ts';
import type { Clock } from '#engine/world/clock.ts';
import type { Rooms } from '../engine.ts';

/** One look at two hundred machines asks the computer once. */
export const computerAnswerMs = 10_000;
/** A share that hangs does not answer at all; it is not asked again before it does. */
export const folderAnswerMs = 10_000;

/** The rooms it asks. */
export type ConditionRooms = Pick<
  Rooms,
  'world' | 'catalog' | 'fleet' | 'shelf' | 'jobs' | 'changeLog'
>;

export function conditionsOf(rooms: ConditionRooms): Conditions {
  const { world, catalog, fleet, jobs, changeLog } = rooms;
  const { clock, files, processes } = world;
  const sources: ConditionSources = {
    host: ({ host }) => (catalog.hosts.get(host) === null ? null : fleet.host(host)),
    onBattery: remembered(clock, async () => isOnBattery(await readPowerSupplies(files))),
    metered: remembered(clock, async () => isMetered(await readMetered(processes))),
    repository: folderProbe(rooms),
    unfinished: (uuid) => changeLog.titleOf(uuid),
    job: (machine) => {
      const job = jobs.ofMachine(machine);
      return job === null ? null : jobs.get(job).title;
    },
    guestBytes: (machine) => guestBytes(rooms, machine),
    bytesInWords,
  };
  return createConditions(world, sources);
}

async function guestBytes({ fleet }: ConditionRooms, id: MachineId): Promise<number | null> {
  const { hypervisor, record } = fleet.find(id);
  if (record.state !== 'running') return null;
  const { readBytes, writtenBytes } = await hypervisor.guestBytes(record.uuid);
  return readBytes + writtenBytes;
}

/** Asks at most once in `computerAnswerMs`. */
function remembered(clock: Clock, ask: () => Promise<boolean>): () => Promise<boolean> {
  let last: { readonly at: number; readonly answer: Promise<boolean> } | null = null;
  return () => {
    const now = clock.monotonic();
    if (last === null || now - last.at >= computerAnswerMs) last = { at: now, answer: ask() };
    return last.answer;
  };
}

/**
 * Looks for the repository's header where its folder should be: an empty mount point is no
 * repository. What is wrong in another way is not waited for: the run begins and says it.
 */
function folderProbe(rooms: ConditionRooms): ConditionSources['repository'] {
  const { clock } = rooms.world;
  const pending = new Map<RepositoryId, Promise<RepositoryNow>>();
  return async (id) => {
    const asked = pending.get(id) ?? look(rooms, id).finally(() => pending.delete(id));
    pending.set(id, asked);
    const late = new AbortController();
    const limit = clock.sleep(folderAnswerMs, late.signal).then(
      (): RepositoryNow => 'silent',
      (): RepositoryNow => 'reachable', // cancelled, because the answer came
    );
    try {
      return await Promise.race([asked, limit]);
    } finally {
      late.abort();
    }
  };
}

async function look(rooms: ConditionRooms, id: RepositoryId): Promise<RepositoryNow> {
  const { world, catalog, shelf } = rooms;
  const row = catalog.repositories.get(id);
  if (row === null) return 'reachable'; // removed here: starting the run says so
  const found = await inspectRepository(world, row.path).catch((thrown: unknown) => {
    if (isAway(thrown)) return null;
    throw thrown;
  });
  if (found?.id !== id) {
    // The screens are told; nobody looked at its folder since it was opened.
    if (shelf.get(id).state.kind === 'ready') await shelf.reach(id).catch(() => undefined);
    return found === null ? 'absent' : 'other';
  }
  try {
    await shelf.reach(id);
    return 'reachable';
  } catch (thrown) {
    if (hasCode(thrown, 'repository-locked')) return 'locked';
    if (isAway(thrown)) return 'absent';
    throw thrown;
  }
}

function isAway(thrown: unknown): boolean {
  return hasCode(
    thrown,
    ...(['path-not-found', 'not-a-repository', 'repository-unavailable', 'file-failed'] as const),
  );
}
