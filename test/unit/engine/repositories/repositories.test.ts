/** The shelf on a real repository: what syncs that overlap make of the catalog. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { PointId, RepositoryId } from '#contract/domain.ts';
import { openCatalog, type Catalog } from '#engine/catalog/catalog.ts';
import { viewPoint } from '#engine/repositories/point-view.ts';
import { createShelf, type RepositoryShelf } from '#engine/repositories/repositories.ts';
import type { StoreRepository } from '#engine/store/repository.ts';
import { createSecrets } from '#engine/world/secrets.ts';
import { noise } from '../../../fakes/store-fixture.ts';
import { writePoint } from '../../../fakes/store-history.ts';
import { fakeWorld, temporaryFolder } from '../../../fakes/world.ts';

vi.setConfig({ testTimeout: 60_000 });

const block = 4096;
const machineUuid = '11111111-1111-4111-8111-111111111111';

let catalog: Catalog;
let shelf: RepositoryShelf;
let attic: RepositoryId;
let store: StoreRepository;

beforeEach(async () => {
  const world = fakeWorld();
  const folder = temporaryFolder();
  catalog = await openCatalog(world, folder);
  const indexFolder = join(folder, 'index');
  await mkdir(indexFolder, { recursive: true });
  shelf = createShelf({
    ...{ world, catalog, indexFolder },
    secrets: createSecrets(world.processes, world.files, folder),
    emit: () => undefined,
    onPoints: () => undefined,
  });
  const wanted = { name: 'attic', path: join(folder, 'attic'), practice: false };
  const options = { password: null, remember: false, blockSizeBytes: block };
  attic = (await shelf.create({ ...wanted, ...options })).repository.id;
  store = await shelf.open(attic);
  for (const id of ['1000', '1001']) await write(id);
  await shelf.sync(attic);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await shelf.stop();
  catalog.close();
});

function write(id: string): Promise<unknown> {
  return writePoint(store, { id, machineUuid }, noise(id, 2 * block), Number(id));
}

const listed = () =>
  catalog.points
    .listPoints({ repository: attic })
    .map(({ id }) => id as string)
    .sort();

/** Lets the next list of points be read, and be handed out only when it is let go. */
function heldList() {
  const list = store.listPoints.bind(store);
  let wasRead = (): void => undefined;
  let letGo = (): void => undefined;
  const read = new Promise<void>((resolve) => (wasRead = resolve));
  const gate = new Promise<void>((resolve) => (letGo = resolve));
  vi.spyOn(store, 'listPoints').mockImplementationOnce(async () => {
    const points = await list();
    wasRead();
    await gate;
    return points;
  });
  const go = () => {
    letGo();
  };
  return { read, go };
}

test('a point made while a sync reads stays, and one removed meanwhile stays away', async () => {
  const held = heldList();
  const sync = shelf.sync(attic);
  await held.read;
  await write('1002');
  catalog.points.insertPoint(
    viewPoint(await store.readPoint('1002', machineUuid), { id: attic, name: 'attic' }),
  );
  const marked = { id: '1000', machineUuid, machineName: 'web 01', time: 1000 };
  await store.kept.remove(marked, 'A person');
  catalog.points.deletePoint(attic, '1000' as PointId);
  held.go();
  await sync;
  expect(listed()).toEqual(['1001', '1002']);
  await shelf.sync(attic);
  expect(listed()).toEqual(['1001', '1002']);
});

test('of two syncs the older list does not come last', async () => {
  const held = heldList();
  const first = shelf.sync(attic);
  await held.read;
  await write('1002');
  const second = shelf.sync(attic);
  // Time enough for the second one to end before the first, if it did not wait for it.
  await Promise.race([second, new Promise((resolve) => setTimeout(resolve, 300))]);
  held.go();
  await Promise.all([first, second]);
  expect(listed()).toEqual(['1000', '1001', '1002']);
});

test('a sync that failed is in no other’s way', async () => {
  vi.spyOn(store, 'listPoints').mockRejectedValueOnce(new Error('unplugged'));
  const failing = shelf.sync(attic);
  const next = shelf.sync(attic);
  await expect(failing).rejects.toThrow('unplugged');
  expect(await next).toBe(2);
});
