/** The facts of the report, taken from the rooms. */
import type { Repository } from '#contract/domain.ts';
import type { PlanRunState } from '#contract/plans.ts';
import type { TroubledRun } from '#engine/catalog/report-rows.ts';
import type { ReportFacts, ReportRepository, ReportRun } from '#engine/report/facts.ts';
import { reportPage, type ReportPage } from '#engine/report/page.ts';
import { isoDay } from '#engine/report/times.ts';
import { fullAt, growthMs } from '#engine/schedule/preview.ts';
import { bytesInWords } from '#engine/snapshot/words.ts';
import { computerName } from '#engine/world/user.ts';
import type { Rooms } from '../engine.ts';
import type { Schedule } from './plans.ts';

/** The days a report is about. */
export const reportMs = 7 * 86_400_000;
/** Rows of one kind that are read; the page groups them and shows fewer. */
const maxRuns = 2000;

export type ReportRooms = Pick<Rooms, 'world' | 'catalog' | 'fleet' | 'shelf' | 'options'>;

export function makeReport(rooms: ReportRooms, schedule: Schedule): ReportPage {
  return reportPage(gatherReport(rooms, schedule), bytesInWords);
}

function gatherReport(
  { world, catalog, fleet, shelf, options }: ReportRooms,
  { scheduler }: Schedule,
): ReportFacts {
  const to = world.clock.now();
  const from = to - reportMs;
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  const { report } = catalog;
  const counts = report.counts(from, to);
  const good = report.newestGood(to);
  const made = report.madeByMachine(from, to);
  const runs = (...kinds: readonly PlanRunState['kind'][]) =>
    report.runs(kinds, from, to, maxRuns).map(toRun);
  const paused = scheduler.knowledge.plans().flatMap(({ record: { draft, pause } }) => {
    if (pause.kind === 'no' || (pause.until !== null && pause.until <= to)) return [];
    const words = pause.until === null ? 'it is resumed' : isoDay(pause.until, zone);
    return [{ name: draft.name, words }];
  });
  return {
    computer: computerName(),
    ...{ from, to, zone, paused },
    version: options.version,
    machines: fleet.machines(null).map(({ uuid, name, host, protection, protectionWords }) => ({
      ...{ name, protection },
      host: host.name,
      words: protectionWords,
      lastGood: good.get(uuid) ?? null,
      points: made.get(uuid) ?? 0,
    })),
    counts: {
      done: counts.get('done') ?? 0,
      problems: counts.get('problems') ?? 0,
      failed: counts.get('failed') ?? 0,
      missed: counts.get('missed') ?? 0,
    },
    failed: runs('failed'),
    problems: runs('problems'),
    missed: runs('missed', 'skipped', 'cancelled'),
    waiting: report.runs(['waiting'], 0, Number.MAX_SAFE_INTEGER, maxRuns).map(toRun),
    repositories: repositoryFacts(report, shelf.list(), from, to),
  };
}

function toRun({ due, times, plan, machine, repository, state }: TroubledRun): ReportRun {
  const about = { due, times, plan, repository, machine: machine === '' ? plan : machine };
  switch (state.kind) {
    case 'failed': {
      const advice = state.error.data['advice'];
      const told = typeof advice === 'string' ? advice : '';
      return { ...about, words: state.error.message, advice: told };
    }
    case 'problems':
      return { ...about, words: state.problems.join(' '), advice: '' };
    case 'missed':
    case 'skipped':
    case 'waiting':
      return { ...about, words: state.words, advice: '' };
    case 'cancelled':
      return { ...about, words: 'It was cancelled.', advice: '' };
    case 'done':
    case 'running':
      return { ...about, words: '', advice: '' };
  }
}

function repositoryFacts(
  report: Rooms['catalog']['report'],
  repositories: readonly Repository[],
  from: number,
  to: number,
): readonly ReportRepository[] {
  const week = new Map(report.stored(from, to).map((row) => [row.repository, row]));
  const stored = report.growth(to - growthMs);
  return repositories.map(({ id, name, path, state, usedBytes, freeBytes, lastVerified }) => {
    const ready = state.kind === 'ready';
    const points = stored.filter(({ repository }) => repository === id);
    const oldest = points.reduce((first, { time }) => Math.min(first, time), to);
    return {
      ...{ name, path },
      trouble: trouble(state),
      usedBytes: ready ? usedBytes : null,
      freeBytes: ready ? freeBytes : null,
      addedBytes: week.get(id)?.storedBytes ?? 0,
      points: week.get(id)?.points ?? 0,
      historyMs: to - oldest,
      fullAt: fullAt(points, ready ? freeBytes : null, to),
      verified: lastVerified === null ? null : { time: lastVerified.time, ok: lastVerified.ok },
    };
  });
}

function trouble(state: Repository['state']): string | null {
  switch (state.kind) {
    case 'ready':
      return null;
    case 'locked':
      return 'Its password is not remembered, so it was not looked at.';
    case 'unavailable':
      return state.error.message;
  }
}
