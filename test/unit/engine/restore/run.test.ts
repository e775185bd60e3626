/** What a restore that fails, or was cut off, takes away again, and what it leaves alone. */
import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '#contract/errors.ts';
import { removePartials, runRestore, undoRestore } from '#engine/restore/run.ts';
import type { PreparedRestore, RestoreRooms } from '#engine/restore/restore.ts';
import { partialPrefix } from '#engine/restore/write-image.ts';
import type { JobContext } from '#engine/jobs/job-types.ts';
import { fakeHypervisor, type FakeHypervisor } from '../../../fakes/hypervisor.ts';
import { manifest } from '../../../fakes/store-fixture.ts';
import { fakeWorld, temporaryFolder, type FakeWorld } from '../../../fakes/world.ts';

const uuid = '11111111-1111-4111-8111-111111111111';
const xml = `<domain type='qemu'><name>again</name><uuid>${uuid}</uuid>
  <memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type arch='x86_64'>hvm</type></os></domain>`;
const full = new AppError('no-space', 'Full.');

describe('a restore', () => {
  let world: FakeWorld;
  let folder: string;
  let libvirt: FakeHypervisor;
  let closed: number;
  let failClose: boolean;

  beforeEach(() => {
    world = fakeWorld();
    folder = join(temporaryFolder(), 'again');
    libvirt = fakeHypervisor();
    closed = 0;
    failClose = false;
  });

  function run(): Promise<unknown> {
    const identity = { uid: world.processes.uid, gid: world.processes.gid };
    const host = { id: 'host', hypervisor: libvirt, identity, tpmFolder: null };
    const rooms = {
      world,
      store: { readBlob: () => Promise.resolve(Buffer.from('variables')) },
      manifest: {
        ...manifest('A', []),
        firmware: { kind: 'included', root: { id: '', sizeBytes: 9 }, fileName: 'v.fd' },
      },
      journals: {
        beginJournal: () => 'journal',
        addStep: () => undefined,
        closeJournal: () => {
          if (failClose) throw full;
          closed += 1;
        },
        openJournals: () => [],
      },
      host,
      socketFolder: folder,
    };
    const nvramPath = join(folder, 'firmware.fd');
    const machine = { name: 'again', uuid, folder, pool: null, images: [], nvramPath, xml };
    const to = { kind: 'new-machine', name: 'again', start: false };
    const context = {
      signal: new AbortController().signal,
      step: (_title: string, work: () => Promise<unknown>) => work(),
    };
    return runRestore(
      rooms as unknown as RestoreRooms,
      { to, images: [], machine, writeBytes: 0, checks: [] } as unknown as PreparedRestore,
      context as unknown as JobContext,
    );
  }

  test('that ended keeps its files when the journal cannot be closed', async () => {
    failClose = true;
    await run();
    expect(existsSync(join(folder, 'firmware.fd'))).toBe(true);
    expect(libvirt.machines.has(uuid)).toBe(true);
  });

  test('whose machine was refused leaves nothing', async () => {
    libvirt.failNext('define', new AppError('libvirt-error', 'No.', { code: 1 }));
    await expect(run()).rejects.toThrow('No.');
    expect(existsSync(folder)).toBe(false);
    expect(closed).toBe(1);
  });

  test('whose answer was lost never leaves a machine without its disks', async () => {
    const lost = new AppError('libvirt-connection-lost', 'Lost.');
    const define = libvirt.define.bind(libvirt);
    Object.assign(libvirt, {
      define: async (text: string) => {
        await define(text);
        libvirt.lose();
        throw lost;
      },
    });
    await expect(run()).rejects.toBe(lost);
    expect(existsSync(join(folder, 'firmware.fd'))).toBe(true); // libvirt cannot be asked now
    expect(closed).toBe(0);
  });

  test('that failed leaves a folder that was there, and what is in it', async () => {
    mkdirSync(folder);
    libvirt.failNext('define', new AppError('libvirt-error', 'No.', { code: 1 }));
    await expect(run()).rejects.toThrow('No.');
    expect(existsSync(folder)).toBe(true);
  });

  test('undone later removes its own file, and not one that took the name since', async () => {
    mkdirSync(folder);
    const about = { host: null, uuid, folder, pool: null, partialFolders: [] };
    const path = join(folder, 'vda.raw');
    writeFileSync(path, 'ours');
    const { ino: inode, mtimeMs: modifiedMs } = await stat(path);
    writeFileSync(path, 'theirs');
    utimesSync(path, 1, 1);
    await undoRestore(world, about, [{ path, inode, modifiedMs }]);
    expect(existsSync(path)).toBe(true);
    const now = await stat(path);
    await undoRestore(world, about, [{ path, inode: now.ino, modifiedMs: now.mtimeMs }]);
    expect(existsSync(folder)).toBe(false);
  });

  test('cut off before loses its half image, one that runs now does not', async () => {
    mkdirSync(folder);
    const ulid = (time: string) => `${time}0000000000000000`;
    for (const time of ['01AAAAAAA1', '01AAAAAAA3', '01AAAAAAA9'])
      writeFileSync(join(folder, partialPrefix + ulid(time)), '');
    const between = { from: ulid('01AAAAAAA2'), until: ulid('01AAAAAAA5') };
    await removePartials(world, [folder], between);
    expect(await world.files.list(folder)).toEqual([
      partialPrefix + ulid('01AAAAAAA1'),
      partialPrefix + ulid('01AAAAAAA9'),
    ]);
  });
});
