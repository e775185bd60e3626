/** Whether a repository can be reached, on real folders with a real shelf. */
import { renameSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { MachineId } from '#contract/domain.ts';
import { openCatalog } from '#engine/catalog/catalog.ts';
import {
  computerAnswerMs,
  conditionsOf,
  folderAnswerMs,
  type ConditionRooms,
} from '#engine/handlers/conditions.ts';
import { createShelf } from '#engine/repositories/repositories.ts';
import type { KeptPlan, PlannedMachine } from '#engine/schedule/conditions.ts';
import { realFiles, type Files } from '#engine/world/files.ts';
import { createSecrets } from '#engine/world/secrets.ts';
import { hostRecord, webUuid } from '../../../fakes/records.ts';
import { fakeWorld, temporaryFolder, type FakeWorld } from '../../../fakes/world.ts';

const record = hostRecord();
const machine: PlannedMachine = {
  id: `${record.id}/${webUuid}` as MachineId,
  uuid: webUuid,
  name: 'web-01',
  host: record.id,
};
const conditions = { notOnBattery: true, notMetered: false, window: null };
const plan = { zone: 'UTC', conditions: { ...conditions, busyBytesPerSecond: null } } as KeptPlan;

/** A computer with one repository `attic`, on a disk that can be unplugged. */
async function computer(change: Partial<Files> = {}) {
  const secrets = createSecrets(
    { ...fakeWorld().processes, run: () => Promise.reject(new Error('no secret-tool')) },
    realFiles,
    temporaryFolder(),
  );
  const world = fakeWorld({ files: { ...realFiles, ...change } });
  const folder = temporaryFolder();
  const catalog = await openCatalog(world, join(folder));
  catalog.hosts.insert(record);
  const disk = join(folder, 'disk');
  mkdirSync(disk);
  mkdirSync(join(folder, 'index'));
  const emitted: string[] = [];
  const shelf = createShelf({
    world,
    catalog,
    secrets,
    emit: (name) => emitted.push(name),
    indexFolder: join(folder, 'index'),
    onPoints: () => undefined,
  });
  onTestFinished(async () => {
    await shelf.stop();
    catalog.close();
  });
  const wanted = { name: 'attic', path: join(disk, 'attic'), password: null, practice: false };
  const { repository } = await shelf.create({ ...wanted, remember: false });
  const rooms = {
    ...{ world, catalog, shelf },
    jobs: { ofMachine: () => null },
    changeLog: { titleOf: () => null },
    fleet: { host: () => ({ ...record, state: { kind: 'connected' } }) },
  } as unknown as ConditionRooms;
  return {
    ...{ world, shelf, repository, disk, folder, rooms },
    check: (checks = conditionsOf(rooms)) => checks.check(plan, machine, repository),
  };
}

test('a disk that is unplugged is waited for, and opened anew when it is back', async () => {
  const { check, disk, shelf, repository } = await computer();
  expect(await check()).toBeNull();
  renameSync(disk, `${disk}-away`);
  mkdirSync(disk); // an empty mount point
  const wait = {
    reason: 'repository-absent',
    words: 'Waits for the folder of attic, which is not there.',
  };
  expect(await check()).toEqual(wait);
  expect(shelf.get(repository.id).state.kind).toBe('unavailable');
  expect(await check()).toEqual(wait);
  rmSync(disk, { recursive: true });
  renameSync(`${disk}-away`, disk);
  expect(await check()).toBeNull();
  expect(shelf.get(repository.id).state.kind).toBe('ready');
});

test('another repository in its folder is not taken for it', async () => {
  const { check, disk, shelf } = await computer();
  const path = join(disk, 'attic');
  renameSync(path, `${path}-away`);
  const other = { name: 'other', path, password: null, practice: false, remember: false };
  await shelf.create(other);
  expect(await check()).toEqual({
    reason: 'repository-absent',
    words: 'Waits for attic: another repository is in its folder.',
  });
});

test('one whose key is not remembered waits for its password', async () => {
  const { check, shelf, repository, rooms } = await computer();
  expect(await check()).toBeNull(); // just made, so it is open
  const { repositories } = rooms.catalog;
  const row = repositories.get(repository.id)!;
  repositories.remove(row.id);
  repositories.insert({ ...row, encrypted: true }); // as if: deriving a key takes seconds
  const again = createShelf({
    ...{ world: rooms.world, catalog: rooms.catalog },
    secrets: { load: () => Promise.resolve(null) } as never,
    emit: () => undefined,
    indexFolder: join(temporaryFolder()),
    onPoints: () => undefined,
  });
  await shelf.stop();
  const checks = conditionsOf({ ...rooms, shelf: again });
  expect(await checks.check(plan, machine, repository)).toEqual({
    reason: 'repository-locked',
    words: 'Waits for the password of attic, which is not remembered.',
  });
});

test('a share that hangs is waited for, and is not asked twice before it answers', async () => {
  let hanging = false;
  let asked = 0;
  let answer: () => void = () => undefined;
  const stat: Files['stat'] = async (path) => {
    if (hanging && path.endsWith('/attic')) {
      asked += 1;
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
    }
    return realFiles.stat(path);
  };
  const { check, rooms, world } = await computer({ stat });
  const checks = conditionsOf(rooms);
  expect(await check(checks)).toBeNull();
  hanging = true;
  for (const _try of [1, 2]) {
    const wait = check(checks);
    await waited(world, () => world.clock.waiting > 0);
    await world.clock.advance(folderAnswerMs);
    expect(await wait).toMatchObject({
      words: expect.stringContaining('does not answer') as string,
    });
  }
  expect(asked).toBe(1);
  hanging = false;
  answer();
  expect(await check(checks)).toBeNull();
});

test('the computer is asked once for all machines of one look', async () => {
  const list = vi.fn(() => Promise.resolve([]));
  const { check, rooms, world } = await computer();
  const checks = conditionsOf({ ...rooms, world: { ...world, files: { ...world.files, list } } });
  await check(checks);
  await check(checks);
  expect(list).toHaveBeenCalledTimes(1);
  await world.clock.advance(computerAnswerMs);
  await check(checks);
  expect(list).toHaveBeenCalledTimes(2);
});

async function waited(world: FakeWorld, until: () => boolean): Promise<void> {
  while (!until()) await world.clock.settle();
}
