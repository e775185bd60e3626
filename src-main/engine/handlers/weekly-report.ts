/**
 * Writes the report each week into the folder a person chose, the first one at once. When it was
 * written is kept, so a computer that was off writes it when it is on again, and once.
 */
import { join } from 'node:path';
import { toWireError } from '#contract/errors.ts';
import type { Rooms } from '../engine.ts';
import type { ReportPage } from '#engine/report/page.ts';

const weekMs = 7 * 86_400_000;
/** How often it is looked whether a week is over. Milliseconds. */
export const lookEveryMs = 10 * 60_000;
const nextKey = 'report.next';

export type WeeklyRooms = Pick<Rooms, 'world' | 'catalog' | 'news'>;

export interface WeeklyReport {
  /** Writes it if a week is over, now and again and again. */
  start(): void;
  /** Writes it if a week is over: for a command that ends soon. Never rejects. */
  once(): Promise<void>;
  /** Resolves when nothing is being written. */
  stop(): Promise<void>;
}

export function createWeeklyReport(rooms: WeeklyRooms, make: () => ReportPage): WeeklyReport {
  const { clock } = rooms.world;
  let stopped = false;
  let failureTold = false;
  let writing: Promise<void> = Promise.resolve();
  let cancelNext: () => void = () => undefined;
  const write = () => {
    if (stopped) return Promise.resolve(); // the engine was stopped while it started
    writing = writing
      .then(() => writeIfDue(rooms, make))
      .then(() => {
        failureTold = false;
      })
      .catch((thrown: unknown) => {
        // It is tried again each time; a person hears of it once.
        tellFailure(rooms, thrown, failureTold);
        failureTold = true;
      });
    return writing;
  };
  const look = () => {
    void write().then(() => {
      if (!stopped) cancelNext = clock.timer(lookEveryMs, look);
    });
  };
  return {
    start: look,
    once: write,
    stop: async () => {
      stopped = true;
      cancelNext();
      await writing;
    },
  };
}

async function writeIfDue(
  { world, catalog, news }: WeeklyRooms,
  make: () => ReportPage,
): Promise<void> {
  const folder = news.channels().weeklyReport?.folder ?? null;
  if (folder === null) return;
  const now = world.clock.now();
  const next = Number(catalog.settings.get(nextKey) ?? now);
  // A clock that was put back must not silence it for longer than a week.
  if (next > now && next <= now + weekMs) return;
  const { html, name } = make();
  await world.files.writeDurable(join(folder, name), Buffer.from(html));
  const weeks = Math.max(0, Math.floor((now - next) / weekMs)) + 1;
  catalog.settings.set(nextKey, String(next > now ? now + weekMs : next + weeks * weekMs));
}

function tellFailure({ world, news }: WeeklyRooms, thrown: unknown, told: boolean): void {
  const logId = world.log.error('The weekly report could not be written', thrown);
  if (told) return;
  news.tell({
    kind: 'failed',
    title: 'The weekly report could not be written',
    body: toWireError(thrown, logId).message,
    plan: null,
    machine: null,
  });
}
