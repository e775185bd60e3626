/**
 * What people and computers do wrong: one clear error, nothing lost, every earlier point
 * restores.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RestoreTarget } from '#contract/inputs.ts';
import type { MachineId, Point, Repository } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import { realWorld } from '#engine/world/world.ts';
import { diskModel, type DiskModel } from './disk-model.ts';
import {
  startPrivateLibvirtd,
  whyNoLibvirtd,
  type PrivateLibvirtd,
  type TestMachine,
} from './private-libvirtd.ts';
import { startTestEngine, type TestEngine } from './test-engine.ts';

const reason = whyNoLibvirtd();
if (reason !== null) console.log(`skipped: bad input: ${reason}`);
const world = realWorld();
const mib = 1024 * 1024;
const root = world.processes.uid === 0;
const needsRoot = 'only root can mount a small file system to fill';
if (!root) console.log(`skipped: full disks: ${needsRoot}`);

/** The error of a promise that must fail, with the three things it must say. */
async function failure(work: Promise<unknown>): Promise<AppError> {
  const thrown: unknown = await work.then(
    () => null,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(AppError);
  const error = thrown as AppError;
  expect(error.message.length).toBeGreaterThan(10);
  return error;
}

describe.skipIf(reason !== null)('bad input', () => {
  let libvirtd: PrivateLibvirtd;
  let engine: TestEngine;
  let machine: TestMachine;
  let disk: DiskModel;
  let id: MachineId;
  let repository: Repository;
  let point: Point;
  const mounts: string[] = [];

  beforeAll(async () => {
    libvirtd = await startPrivateLibvirtd();
    engine = await startTestEngine();
    machine = await libvirtd.defineTestMachine({
      name: 'Büro PC 東京',
      start: true,
      disks: [{ format: 'qcow2', sizeBytes: 64 * mib }],
    });
    disk = diskModel(libvirtd, machine, 'vda', 64 * mib);
    await disk.writeRandom(0, 24 * mib);
    id = await engine.addHost(libvirtd.uri, machine.uuid);
    repository = await engine.createRepository('good', 'secret');
    point = await engine.backup(id, repository.id);
  });
  afterAll(async () => {
    for (const place of mounts) await world.processes.run('umount', ['--lazy', place]);
    await engine.stop();
    await libvirtd.stop();
  });

  async function smallDisk(name: string, sizeMib: number): Promise<string> {
    const place = join(engine.folder, name);
    mkdirSync(place);
    const args = ['-t', 'tmpfs', '-o', `size=${sizeMib}m`, 'none', place];
    const { code, stderr } = await world.processes.run('mount', args);
    if (code !== 0) throw new Error(stderr);
    mounts.push(place);
    return place;
  }

  const restore = async (to: RestoreTarget, accepted: string[] = []) =>
    engine.finished(
      await engine.engine.handlers['restore.start']({ point: point.id, to, accepted }),
    );
  const image = (path: string): RestoreTarget => ({
    kind: 'image',
    disk: 'vda',
    path,
    format: 'raw',
  });
  const stillWhole = () => disk.expectRestored(engine, point.id, disk.moment());

  test('a wrong password opens nothing and says so', async () => {
    const { handlers } = engine.engine;
    const wanted = { name: 'again', path: repository.path, remember: false };
    const wrong = handlers['repositories.add']({ ...wanted, password: 'wrong' });
    expect((await failure(wrong)).code).toBe('wrong-password');
    const none = handlers['repositories.add']({ ...wanted, password: null });
    expect((await failure(none)).code).toBe('repository-locked');
  });

  test('a folder that is no repository, and one of a newer Waymark', async () => {
    const { handlers } = engine.engine;
    const add = (path: string) =>
      handlers['repositories.add']({ name: 'odd', path, password: null, remember: false });
    const empty = join(engine.folder, 'empty');
    mkdirSync(empty);
    expect((await failure(add(empty))).code).toBe('not-a-repository');
    expect((await failure(add(join(engine.folder, 'nowhere')))).code).toMatch(
      /not-a-repository|path-not-found|repository-unavailable/,
    );
    const newer = join(engine.folder, 'newer');
    mkdirSync(newer);
    writeFileSync(join(newer, 'waymark.json'), '{"format":"waymark-repository","version":99}');
    expect((await failure(add(newer))).code).toMatch(/repository-too-new|not-a-repository/);
  });

  test('an image where something is already is never replaced', async () => {
    const path = join(engine.folder, 'mine.raw');
    writeFileSync(path, 'mine');
    const error = await failure(restore(image(path)));
    expect(error.code).toBe('path-exists');
    expect(error.data['unharmed']).toBeTruthy();
    expect((await world.files.read(path, 100)).toString()).toBe('mine');
  });

  test('a folder that is not there, a disk that is not in the point', async () => {
    expect((await failure(restore(image('/nowhere/at/all.raw')))).code).toBe('refused');
    const other: RestoreTarget = { ...image(join(engine.folder, 'x.raw')), disk: 'vdz' } as never;
    const error = await failure(restore(other));
    expect(error.code).toBe('not-found');
    expect(error.data['advice']).toContain('vda');
  });

  test('a name that is taken', async () => {
    const host = (await engine.host(libvirtd.uri)).id;
    const to: RestoreTarget = {
      kind: 'new-machine',
      host,
      name: machine.name,
      folder: libvirtd.images,
      network: 'disconnected',
      start: false,
    };
    expect((await failure(restore(to))).code).toBe('name-taken');
    expect(existsSync(join(libvirtd.images, machine.name))).toBe(false);
  });

  test('a new machine with spaces and other letters in its name', async () => {
    const host = (await engine.host(libvirtd.uri)).id;
    const name = 'Kopie von Büro PC 東京 & <b>';
    const to: RestoreTarget = {
      kind: 'new-machine',
      host,
      name,
      folder: libvirtd.images,
      network: 'disconnected',
      start: true,
    };
    await restore(to);
    expect(await libvirtd.virsh('domstate', name)).toContain('running');
    await libvirtd.virsh('destroy', name);
    await libvirtd.virsh('undefine', name);
  });

  test('two writers of one repository: the second waits or is told who has it', async () => {
    const other = await startTestEngine();
    try {
      const { handlers } = other.engine;
      const added = await handlers['repositories.add']({
        name: 'shared',
        path: repository.path,
        password: 'secret',
        remember: false,
      });
      const there = await other.addHost(libvirtd.uri, machine.uuid);
      const results = await Promise.allSettled([
        engine.backup(id, repository.id, { reread: true }),
        other.backup(there, added.id, { reread: true }),
      ]);
      const failed = results.filter((result) => result.status === 'rejected');
      for (const { reason: why } of failed) {
        expect((why as AppError).code).toMatch(/repository-busy|machine-busy/);
      }
      expect(failed.length).toBeLessThan(2);
      await stillWhole();
    } finally {
      await other.stop();
    }
  });

  test('an image file that is missing', async () => {
    const stopped = await libvirtd.defineTestMachine({
      name: 'no image',
      disks: [{ format: 'qcow2', sizeBytes: 8 * mib }],
    });
    const path = stopped.disks[0]?.path ?? '';
    renameSync(path, `${path}.away`);
    const odd = await engine.addHost(libvirtd.uri, stopped.uuid);
    const error = await failure(engine.backup(odd, repository.id));
    expect(error.code).toBe('image-missing');
    expect(JSON.stringify(error)).toContain(path);
  });

  test.skipIf(!root)('a full target: what was written is removed again', async () => {
    const place = await smallDisk('small-target', 8);
    const error = await failure(restore(image(join(place, 'vda.raw'))));
    expect(error.code).toBe('no-space');
    expect(readdirSync(place)).toEqual([]);
    await stillWhole();
  });

  test.skipIf(!root)('a full repository: said so, and its earlier points are whole', async () => {
    const place = await smallDisk('small-repository', 40);
    const { handlers } = engine.engine;
    const made = await handlers['repositories.create']({
      name: 'small',
      path: join(place, 'r'),
      password: null,
      remember: false,
    });
    const first = await engine.backup(id, made.repository.id);
    const before = disk.moment();
    await disk.writeRandom(24 * mib, 32 * mib);
    const error = await failure(engine.backup(id, made.repository.id));
    expect(error.code).toBe('no-space');
    expect(error.data['unharmed']).toBeTruthy();
    await disk.expectRestored(engine, first.id, before);
    point = await engine.backup(id, repository.id);
    await stillWhole();
  });

  test.skipIf(!root)(
    'a repository unmounted under us: no point, nothing below the mount',
    async () => {
      const place = await smallDisk('away', 200);
      const { handlers } = engine.engine;
      const { repository: made } = await handlers['repositories.create']({
        name: 'away',
        path: place,
        password: null,
        remember: false,
      });
      await engine.backup(id, made.id);
      await disk.writeRandom(0, 8 * mib);
      await world.processes.run('umount', ['--lazy', place]);
      const error = await failure(engine.backup(id, made.id));
      expect(error.code).toMatch(/repository-unavailable|path-not-found/);
      expect(readdirSync(place)).toEqual([]);
      point = await engine.backup(id, repository.id);
      await stillWhole();
    },
  );

  test('a corrupt pack: the block is named, and the next backup heals it', async () => {
    const own = await engine.createRepository('rotten', null);
    const first = await engine.backup(id, own.id);
    const packs = (await world.files.list(join(own.path, 'packs'))).flatMap((name) =>
      readdirSync(join(own.path, 'packs', name)).map((file) => join(own.path, 'packs', name, file)),
    );
    const [pack] = packs;
    chmodSync(pack ?? '', 0o600);
    const file = await world.files.open(pack ?? '', 'write');
    await file.write(Buffer.alloc(64, 0xff), 4 * mib);
    await file.close();
    const job = await engine.ended(
      await engine.engine.handlers['repositories.verify']({ repository: own.id, readData: true }),
    );
    expect(job.state.kind).toBe('problems');
    expect(job.result?.kind === 'verify' && job.result.report.damage.length).toBeGreaterThan(0);
    const path = join(engine.folder, 'rotten.raw');
    const to = image(path);
    const start = engine.engine.handlers['restore.start']({
      point: first.id,
      to,
      accepted: ['point'],
    });
    const error = await failure(start.then((restoring) => engine.finished(restoring)));
    expect(error.code).toMatch(/block-damaged|repository-damaged/);
    expect(existsSync(path)).toBe(false);
    const healed = await engine.backup(id, own.id, { reread: true });
    await disk.expectRestored(engine, healed.id, disk.moment());
    await stillWhole();
  });
});
