import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import type { News } from '#contract/news.ts';
import { openCatalog } from '#engine/catalog/catalog.ts';
import {
  createWeeklyReport,
  lookEveryMs,
  type WeeklyReport,
  type WeeklyRooms,
} from '#engine/handlers/weekly-report.ts';
import { fakeWorld, temporaryFolder, type FakeWorld } from '../../../fakes/world.ts';

const day = 86_400_000;
let world: FakeWorld;
let folder: string;
let wanted: string | null;
let told: Omit<News, 'id' | 'time'>[];
let made: number;
let weekly: WeeklyReport;

beforeEach(async () => {
  world = fakeWorld();
  folder = join(temporaryFolder(), 'reports');
  mkdirSync(folder);
  wanted = folder;
  told = [];
  made = 0;
  const catalog = await openCatalog(world, temporaryFolder());
  const rooms = {
    ...{ world, catalog },
    news: {
      channels: () => ({ weeklyReport: wanted === null ? null : { folder: wanted } }),
      tell: (news: Omit<News, 'id' | 'time'>) => told.push(news),
    },
  } as unknown as WeeklyRooms;
  weekly = createWeeklyReport(rooms, () => {
    made += 1;
    return { html: '<p>', name: `report-${new Date(world.clock.now()).toISOString()}.html` };
  });
  onTestFinished(async () => {
    await weekly.stop();
    catalog.close();
  });
});

/** Lets days pass, a look at a time as it would be. */
async function pass(days: number): Promise<void> {
  for (let hour = 0; hour < days * 24; hour += 1) {
    await world.clock.advance(3_600_000);
    await written();
  }
}

/** Files are written by real threads, which the clock does not turn; then it waits again. */
async function written(): Promise<void> {
  await expect.poll(() => world.clock.waiting, { interval: 1, timeout: 10_000 }).toBe(1);
}

test('the first at once, then one each week', async () => {
  weekly.start();
  await written();
  await expect.poll(() => readdirSync(folder)).toHaveLength(1);
  await pass(20);
  expect(made).toBe(3);
  expect(readdirSync(folder)).toHaveLength(3);
});

test('a computer that was off for three weeks writes one, and keeps to its day', async () => {
  weekly.start();
  await written();
  world.clock.setWallClock(world.clock.now() + 24 * day);
  await pass(1);
  expect(made).toBe(2);
  await pass(2);
  expect(made).toBe(2);
  await pass(2); // day 28 is a week of the first
  expect(made).toBe(3);
});

test('a clock that was put back a year does not silence it', async () => {
  weekly.start();
  await written();
  world.clock.setWallClock(world.clock.now() - 365 * day);
  await pass(1);
  expect(made).toBe(2);
});

test('nothing is written while no folder is chosen, and soon after one is', async () => {
  wanted = null;
  weekly.start();
  await pass(1);
  expect(made).toBe(0);
  wanted = folder;
  await world.clock.advance(lookEveryMs);
  await expect.poll(() => readdirSync(folder)).toHaveLength(1);
});

test('a folder that is not there is told once, and made up for when it is back', async () => {
  rmSync(folder, { recursive: true });
  weekly.start();
  await pass(1);
  expect(told).toMatchObject([{ kind: 'failed', title: 'The weekly report could not be written' }]);
  expect(existsSync(folder)).toBe(false);
  mkdirSync(folder);
  chmodSync(folder, 0o700);
  await pass(0.1);
  expect(readdirSync(folder)).toHaveLength(1);
});

test('stopped while the engine starts, it writes nothing', async () => {
  await weekly.stop();
  weekly.start();
  await world.clock.settle();
  expect(made).toBe(0);
  expect(world.clock.waiting).toBe(0);
});

test('a timer of one’s own writes it too, and does not begin to look again', async () => {
  await weekly.once();
  await weekly.once();
  expect(made).toBe(1);
  expect(readdirSync(folder)).toHaveLength(1);
  expect(world.clock.waiting).toBe(0);
});
