import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, test } from 'vitest';
import { hasCode } from '#contract/errors.ts';
import { openCatalog, type Catalog } from '#engine/catalog/catalog.ts';
import { installationFileName } from '#engine/catalog/installation.ts';
import { migrations } from '#engine/catalog/migrate.ts';
import { hostRecord } from '../../../fakes/records.ts';
import { fakeWorld, temporaryFolder } from '../../../fakes/world.ts';

const open: Catalog[] = [];
afterEach(() => {
  for (const catalog of open.splice(0)) catalog.close();
});

async function opened(folder: string, world = fakeWorld()): Promise<Catalog> {
  const catalog = await openCatalog(world, folder);
  open.push(catalog);
  return catalog;
}

function mode(path: string): number {
  return statSync(path).mode & 0o777;
}

async function thrownBy(action: () => Promise<unknown>): Promise<unknown> {
  try {
    await action();
  } catch (thrown) {
    return thrown;
  }
  throw new Error('nothing was thrown');
}

describe('a new catalog', () => {
  test('makes the folder 0700 and every file of its own 0600', async () => {
    const folder = join(temporaryFolder(), 'data');
    const catalog = await opened(folder);
    catalog.hosts.insert(hostRecord());
    expect(mode(folder)).toBe(0o700);
    const files = readdirSync(folder).sort();
    expect(files).toEqual(['catalog.db', 'catalog.db-shm', 'catalog.db-wal', 'installation-id']);
    expect(files.map((name) => mode(join(folder, name)))).toEqual([0o600, 0o600, 0o600, 0o600]);
    expect(catalog.warning).toBeNull();
  });

  test('keeps what was written when opened again, and narrows a mode grown wide', async () => {
    const folder = temporaryFolder();
    const first = await openCatalog(fakeWorld(), folder);
    first.hosts.insert(hostRecord({ name: 'büro 中文' }));
    first.close();
    chmodSync(join(folder, 'catalog.db'), 0o644);
    const second = await opened(folder);
    expect(second.hosts.list().map(({ name }) => name)).toEqual(['büro 中文']);
    expect(mode(second.path)).toBe(0o600);
  });

  test('a transaction that throws leaves nothing behind', async () => {
    const catalog = await opened(temporaryFolder());
    expect(() =>
      catalog.transaction(() => {
        catalog.hosts.insert(hostRecord());
        throw new Error('stop');
      }),
    ).toThrow('stop');
    expect(catalog.hosts.list()).toEqual([]);
  });
});

describe('a catalog that cannot be used', () => {
  test.each([
    ['text', Buffer.from('this is not a database, it only has its name'.repeat(50))],
    ['zeroes', Buffer.alloc(8192)],
  ])('is moved aside when it holds %s, and a fresh one is made', async (_what, content) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'catalog.db'), content);
    const catalog = await opened(folder);
    expect(catalog.warning?.code).toBe('catalog-damaged');
    const movedTo = join(folder, 'catalog.damaged-20261123T080000Z.db');
    expect(catalog.warning?.data).toMatchObject({
      movedTo,
      advice: expect.stringMatching(/host add.*repository add.*rebuild/s) as unknown,
    });
    expect(readFileSync(movedTo).equals(content)).toBe(true);
    catalog.hosts.insert(hostRecord());
    expect(catalog.hosts.list()).toHaveLength(1);
  });

  test('is moved aside when pages inside are overwritten', async () => {
    const folder = temporaryFolder();
    const first = await openCatalog(fakeWorld(), folder);
    for (let i = 0; i < 300; i += 1) first.settings.set(`key ${i}`, 'x'.repeat(200));
    first.close();
    const path = join(folder, 'catalog.db');
    const bytes = readFileSync(path);
    bytes.fill(0xff, 4096, bytes.length - 4096);
    writeFileSync(path, bytes);
    const catalog = await opened(folder);
    expect(catalog.warning?.code).toBe('catalog-damaged');
  });

  test('never has its old log played into the fresh one', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'catalog.db');
    const first = await openCatalog(fakeWorld(), folder);
    first.close();
    const again = await openCatalog(fakeWorld(), folder);
    again.hosts.insert(hostRecord());
    const log = readFileSync(`${path}-wal`); // holds the host, and not the tables
    again.close();
    writeFileSync(path, 'wreck'.repeat(1000));
    writeFileSync(`${path}-wal`, log);
    const catalog = await opened(folder);
    expect(catalog.warning?.code).toBe('catalog-damaged');
    expect(catalog.hosts.list()).toEqual([]);
    catalog.close();
    const later = await opened(folder);
    expect([later.warning, later.hosts.list()]).toEqual([null, []]);
  });

  test('is moved aside when another program made it', async () => {
    const folder = temporaryFolder();
    const other = new Database(join(folder, 'catalog.db'));
    other.exec('CREATE TABLE songs (name TEXT)');
    other.close();
    const catalog = await opened(folder);
    expect(catalog.warning?.data).toMatchObject({ path: catalog.path });
    expect(readdirSync(folder)).toContain('catalog.damaged-20261123T080000Z.db');
  });

  test('never writes over an earlier damaged one of the same second', async () => {
    const folder = temporaryFolder();
    for (const content of ['first wreck', 'second wreck']) {
      writeFileSync(join(folder, 'catalog.db'), content.repeat(100));
      (await openCatalog(fakeWorld(), folder)).close();
    }
    const kept = readdirSync(folder).filter((name) => name.startsWith('catalog.damaged-'));
    expect(kept).toHaveLength(2);
    const starts = kept.map((name) => readFileSync(join(folder, name), 'utf8').slice(0, 5));
    expect(starts.sort()).toEqual(['first', 'secon']);
  });

  test('of a newer version is refused and not touched', async () => {
    const folder = temporaryFolder();
    const first = await openCatalog(fakeWorld(), folder);
    first.hosts.insert(hostRecord());
    first.close();
    const raw = new Database(join(folder, 'catalog.db'));
    raw.pragma(`user_version = ${migrations.length + 1}`);
    raw.close();
    const thrown = await thrownBy(() => openCatalog(fakeWorld(), folder));
    expect(hasCode(thrown, 'unsupported')).toBe(true);
    expect(thrown).toMatchObject({
      data: { found: migrations.length + 1, known: migrations.length },
    });
    expect(readdirSync(folder).some((name) => name.includes('damaged'))).toBe(false);
    const after = new Database(join(folder, 'catalog.db'));
    expect(after.prepare('SELECT count(*) AS n FROM hosts').get()).toEqual({ n: 1 });
    after.close();
  });

  test('is a typed error when a folder is in its place', async () => {
    const folder = temporaryFolder();
    await fakeWorld().files.makeFolder(join(folder, 'catalog.db'), 0o600);
    const thrown = await thrownBy(() => openCatalog(fakeWorld(), folder));
    expect(hasCode(thrown, 'path-invalid')).toBe(true);
  });
});

describe('the installation id', () => {
  test('survives the loss of the catalog', async () => {
    const folder = temporaryFolder();
    const first = await openCatalog(fakeWorld(), folder);
    const id = first.settings.installation();
    first.close();
    writeFileSync(join(folder, 'catalog.db'), 'gone'.repeat(1000));
    const second = await opened(folder);
    expect(second.warning).not.toBeNull();
    expect(second.settings.installation()).toBe(id);
  });

  test('is written again when its own file is lost or empty', async () => {
    const folder = temporaryFolder();
    const first = await openCatalog(fakeWorld(), folder);
    const id = first.settings.installation();
    first.close();
    writeFileSync(join(folder, installationFileName), '');
    const second = await opened(folder);
    expect(second.settings.installation()).toBe(id);
    expect(readFileSync(join(folder, installationFileName), 'utf8')).toBe(`${id}\n`);
  });
});
