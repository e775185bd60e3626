/** The clean-up of a repository as a job, begun by a person or after a plan removed something. */
import type { JobId, JobResult, Named, RepositoryId } from '#contract/domain.ts';
import { hasCode } from '#contract/errors.ts';
import type { CleanUpPlan } from '#contract/plans.ts';
import type { JobContext } from '#engine/jobs/job-types.ts';
import { bytesInWords, counted } from '#engine/snapshot/words.ts';
import type { CleanUpOutline } from '#engine/store/clean-up.ts';
import { removalGraceSeconds } from '#engine/store/kept.ts';
import type { Marker } from '#engine/store/marker.ts';
import type { Rooms } from '../engine.ts';
import { readLooks, seenUntil, withLook } from './clean-up-looks.ts';
import { viewRemoved } from './removed-points.ts';

/** After removals a clean-up begins by itself at most this often for each repository. */
const restMs = 24 * 3600 * 1000;

export function viewCleanUp(
  { points, ...numbers }: CleanUpOutline,
  repository: Named<RepositoryId>,
): CleanUpPlan {
  const { packsDeleted, packsRewritten, freesBytes, writesBytes } = numbers;
  return {
    repository,
    points: points.map((marker) => viewRemoved(marker, repository)),
    ...{ packsDeleted, packsRewritten, freesBytes, writesBytes },
  };
}

/** @param removedBefore epoch ms; frees no point removed later, however old it seems. */
export function startCleanUp(rooms: Rooms, id: RepositoryId, removedBefore?: number): JobId {
  const { shelf, jobs } = rooms;
  const { name } = shelf.get(id);
  return jobs.start({
    kind: 'gc',
    title: `Clean up ${name}`,
    machine: null,
    repository: { id, name },
    cancelEffect: 'Restore points stay whole; what was freed so far stays free.',
    run: (context) => cleanUp(rooms, id, context, removedBefore),
  });
}

/**
 * Begins a clean-up when points are removed that can no longer be taken back for sure, and none was
 * begun by itself today. Not while the repository is used: it would wait for a check of hours, and
 * every backup behind it. Never throws: what removed the points was done whatever comes of this.
 */
export async function cleanUpWhenDue(rooms: Rooms, id: RepositoryId): Promise<void> {
  const { shelf, world, catalog } = rooms;
  try {
    const now = world.clock.now();
    const removed = await (await shelf.open(id)).kept.removed();
    const removedBefore = lookAgain(rooms, id, removed);
    const last = Number(catalog.settings.get(lastKey(id)) ?? Number.NaN);
    // A time ahead of now was written under a clock that was wrong.
    if (last <= now && now - last < restMs) return;
    const goneBefore = Math.min(now - removalGraceSeconds * 1000, removedBefore ?? 0);
    if (!removed.some(({ at }) => at <= goneBefore)) return;
    if (inUse(rooms, id)) return;
    startCleanUp(rooms, id, goneBefore);
    catalog.settings.set(lastKey(id), String(now));
  } catch (thrown) {
    if (hasCode(thrown, 'repository-busy', 'refused')) return; // one runs, or the engine stops
    world.log.error('A clean-up did not begin', thrown);
  }
}

/** A job of this repository runs or waits. */
function inUse({ jobs }: Rooms, id: RepositoryId): boolean {
  return jobs.list(false).some(({ repository }) => repository?.id === id);
}

/** Removals made until then were seen long enough (clean-up-looks.ts); null: none was. */
function lookAgain(
  { catalog, world }: Rooms,
  id: RepositoryId,
  removed: readonly Marker[],
): number | null {
  const key = `clean-up.looks.${id}`;
  const before = readLooks(catalog.settings.get(key));
  const removals = removed.map(({ at }) => at);
  const looks = withLook(before, world.clock.now(), removals);
  catalog.settings.set(key, JSON.stringify(looks));
  return seenUntil(looks);
}

function lastKey(id: RepositoryId): string {
  return `clean-up.last.${id}`;
}

async function cleanUp(
  rooms: Rooms,
  id: RepositoryId,
  context: JobContext,
  removedBefore: number | undefined,
): Promise<JobResult> {
  const { shelf, catalog } = rooms;
  const store = await shelf.open(id);
  const owner = { installation: catalog.settings.installation(), what: 'cleaning up' };
  try {
    const done = await store.cleanUp(owner, {
      signal: context.signal,
      removedBefore,
      onProgress: (activity, doneBytes, totalBytes) => {
        context.progress({ activity, doneBytes, totalBytes: totalBytes === 0 ? null : totalBytes });
      },
    });
    for (const problem of done.problems) context.addProblem(problem);
    return { kind: 'other', summary: summaryOf(done) };
  } finally {
    await shelf.refresh(id);
  }
}

function summaryOf({ points, freesBytes, packsDeleted, packsRewritten }: CleanUpOutline): string {
  if (packsDeleted + packsRewritten + points.length === 0) return 'There was nothing to free.';
  const gone = `${counted(points.length, 'removed restore point')} gone for good`;
  return `${bytesInWords(Math.max(0, freesBytes))} freed, ${gone}.`;
}
