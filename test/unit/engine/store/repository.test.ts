import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasCode } from '#contract/errors.ts';
import { openRepository } from '#engine/store/repository.ts';
import {
  backUp,
  kib,
  machineUuid,
  manifest,
  noise,
  owner,
  readWhole,
  restorePoint,
} from '../../../fakes/store-fixture.ts';
import { block, codeOf, setUp } from './repository-set-up.ts';

const store = setUp();
const { create, reopen, packFiles } = store;

describe('writing and reading', () => {
  it('brings back exactly what was written, zeros and short last block included', async () => {
    const { repository } = await create();
    const image = Buffer.concat([
      noise('a', 5 * block),
      Buffer.alloc(300 * block),
      Buffer.alloc(3 * block, 'text that compresses '),
      noise('b', block + 777),
    ]);
    const root = await backUp(repository, 'one', image);
    expect((await restorePoint(repository, 'one')).equals(image)).toBe(true);
    const tree = repository.openTree(root);
    const ranges = [];
    for await (const range of tree.ranges()) ranges.push(range);
    expect(ranges).toEqual([
      { offset: 0, length: 5 * block },
      { offset: 305 * block, length: image.length - 305 * block },
    ]);
    const part = await tree.read(5 * block - 100, 200);
    expect(part.equals(image.subarray(5 * block - 100, 5 * block + 100))).toBe(true);
    expect(await codeOf(tree.read(image.length - 1, 2))).toBe('invalid-input');
  });

  it('reads what another run stored once, and stores a block once', async () => {
    const { repository } = await create();
    const image = noise('same', 100 * block);
    const first = await backUp(repository, 'one', image);
    const writer = await repository.openWriter(owner);
    const disk = writer.beginDisk(image.length, null);
    await disk.write(0, Buffer.from(image));
    const again = await disk.finish();
    await writer.release();
    expect(again.root).toEqual(first);
    expect(writer.stats()).toEqual({ storedBytes: 0, newBlocks: 0, reusedBlocks: 100 });
  });

  it('changes only the path to what changed, and says what differs', async () => {
    const { repository } = await create();
    const image = noise('base', 1000 * block);
    const base = await backUp(repository, 'one', image);
    const writer = await repository.openWriter(owner);
    const disk = writer.beginDisk(image.length, base);
    await disk.write(500 * block, noise('new', block));
    await disk.zero(700 * block, 20 * block);
    const { root, changedBytes } = await disk.finish();
    await writer.commitPoint(manifest('two', [root]));
    await writer.release();
    expect(changedBytes).toBe(21 * block);
    expect(writer.stats().storedBytes).toBeLessThan(4 * block + 2 * 3 * 2200);
    noise('new', block).copy(image, 500 * block);
    image.fill(0, 700 * block, 720 * block);
    expect((await restorePoint(repository, 'two')).equals(image)).toBe(true);
    const changed = [];
    for await (const range of repository.changedRanges(base, root)) changed.push(range);
    expect(changed).toEqual([
      { offset: 500 * block, length: block },
      { offset: 700 * block, length: 20 * block },
    ]);
  });

  it('keeps the later of two writes to a block, whichever worker is faster', async () => {
    const { repository } = await create();
    const size = 64 * block;
    const writer = await repository.openWriter(owner);
    const disk = writer.beginDisk(size, null);
    for (let round = 0; round < 20; round += 1) {
      await disk.write(0, noise(`round ${round}`, round % 2 === 0 ? size : block));
    }
    await disk.zero(8 * block, block);
    const { root } = await disk.finish();
    const expected = noise('round 18', size);
    noise('round 19', block).copy(expected);
    expected.fill(0, 8 * block, 9 * block);
    await writer.commitPoint(manifest('one', [root]));
    await writer.release();
    expect((await readWhole(repository.openTree(root), size)).equals(expected)).toBe(true);
  });

  it('takes several disks and blobs in one run', async () => {
    const { repository } = await create();
    const writer = await repository.openWriter(owner);
    const images = [noise('x', 50 * block), noise('y', 70 * block + 1)];
    const disks = images.map((image) => writer.beginDisk(image.length, null));
    await Promise.all(disks.map((disk, i) => disk.write(0, Buffer.from(images[i]!))));
    const roots = await Promise.all(disks.map(async (disk) => (await disk.finish()).root));
    const blob = await writer.putBlob(Buffer.from('<domain/>'));
    const empty = await writer.putBlob(Buffer.alloc(0));
    await writer.commitPoint({ ...manifest('one', roots), definition: blob });
    await writer.release();
    expect((await repository.readBlob(blob)).toString()).toBe('<domain/>');
    expect(empty).toEqual({ id: '', sizeBytes: 0 });
    expect((await repository.readBlob(empty)).length).toBe(0);
    for (const [i, root] of roots.entries()) {
      const back = await readWhole(repository.openTree(root), root.sizeBytes);
      expect(back.equals(images[i]!)).toBe(true);
    }
  });

  it('holds the event loop for less than 100 ms', async () => {
    const { repository } = await create({ blockSizeBytes: 64 * kib });
    const image = noise('heart', 8 * 1024 * kib);
    // This thread's own processor time between two beats: what a busy machine adds is not ours.
    let worstMs = 0;
    let before = process.threadCpuUsage();
    const beat = setInterval(() => {
      const { user, system } = process.threadCpuUsage(before);
      worstMs = Math.max(worstMs, (user + system) / 1000);
      before = process.threadCpuUsage();
    }, 5);
    const writer = await repository.openWriter(owner);
    const disk = writer.beginDisk(6 * image.length, null);
    for (let i = 0; i < 6; i += 1) {
      const copy = Buffer.allocUnsafeSlow(image.length);
      image.copy(copy);
      copy.writeUInt32LE(i, 0);
      await disk.write(i * image.length, copy);
    }
    const { root } = await disk.finish();
    await writer.commitPoint(manifest('one', [root]));
    await writer.release();
    expect((await readWhole(repository.openTree(root), 6 * image.length)).length).toBe(
      6 * image.length,
    );
    clearInterval(beat);
    expect(worstMs).toBeLessThan(100);
  });

  it('refuses writes that are not on whole blocks or outside the disk', async () => {
    const { repository } = await create();
    const writer = await repository.openWriter(owner);
    const disk = writer.beginDisk(10 * block + 5, null);
    for (const [offset, length] of [
      [1, block],
      [0, block - 1],
      [10 * block, block],
      [-block, block],
      [11 * block, 0],
    ] as const) {
      expect(await codeOf(disk.write(offset, Buffer.alloc(length)))).toBe('invalid-input');
    }
    await disk.write(10 * block, Buffer.alloc(5, 1));
    await disk.finish();
    await writer.abandon();
    expect(() => writer.beginDisk(1, null)).toThrow();
  });

  it('ends clearly when a worker cannot run, and leaves the repository free', async () => {
    const { repository } = await create();
    await backUp(repository, 'one', noise('w', block));
    const workerUrl = new URL('./no-such-worker.ts', import.meta.url);
    const options = { indexPath: ':memory:', workerUrl };
    const broken = await openRepository(store.at.world, store.at.path, null, options);
    store.closeLater(broken);
    expect(await codeOf(backUp(broken, 'two', noise('x', 10 * block)))).toBe('internal');
    expect(await codeOf(restorePoint(broken, 'one'))).toBe('internal');
    await backUp(repository, 'two', noise('x', 10 * block));
  });

  it('does arithmetic right at the size limit', async () => {
    const { repository } = await create();
    const size = 64 * 1024 ** 4;
    const writer = await repository.openWriter(owner);
    const disk = writer.beginDisk(size, null);
    await disk.write(size - block, noise('end', block));
    await disk.write(0, noise('start', block));
    await disk.zero(block, size - 2 * block);
    const { root } = await disk.finish();
    await writer.commitPoint(manifest('one', [root]));
    await writer.release();
    expect(() => writer.beginDisk(size + block, null)).toThrow();
    const ranges = [];
    for await (const range of repository.openTree(root).ranges()) ranges.push(range);
    expect(ranges).toEqual([
      { offset: 0, length: block },
      { offset: size - block, length: block },
    ]);
    const back = await repository.openTree(root).read(size - block, block);
    expect(back.equals(noise('end', block))).toBe(true);
  });
});

describe('points', () => {
  it('exist only after commit; abandon leaves none and the lease free', async () => {
    const { repository } = await create();
    const writer = await repository.openWriter(owner);
    const disk = writer.beginDisk(block, null);
    await disk.write(0, noise('z', block));
    await disk.finish();
    await writer.abandon();
    expect(await repository.listPoints()).toEqual([]);
    await backUp(repository, 'one', noise('z', block));
    expect(await repository.listPoints()).toEqual([{ id: 'one', machineUuid }]);
    expect(await codeOf(backUp(repository, 'one', noise('z', block)))).toBe('path-exists');
    expect(await codeOf(repository.readPoint('other', machineUuid))).toBe('point-not-found');
    expect(await codeOf(repository.readPoint('../../x', machineUuid))).toBe('invalid-input');
  });

  it('cannot name content that was not stored', async () => {
    const { repository } = await create();
    const writer = await repository.openWriter(owner);
    const root = { id: 'ab'.repeat(32), sizeBytes: block };
    expect(await codeOf(writer.commitPoint(manifest('one', [root])))).toBe('internal');
    await writer.release();
    expect(await repository.listPoints()).toEqual([]);
  });

  it('are cancelled by the signal with no point and the lease free', async () => {
    const { repository } = await create();
    const stop = new AbortController();
    const writer = await repository.openWriter(owner, stop.signal);
    const disk = writer.beginDisk(100 * block, null);
    await disk.write(0, noise('c', 10 * block));
    stop.abort();
    expect(await codeOf(disk.write(10 * block, noise('d', block)))).toBe('cancelled');
    expect(await codeOf(disk.finish())).toBe('cancelled');
    await writer.abandon();
    await backUp(repository, 'one', noise('c', 10 * block));
  });
});

describe('one writer', () => {
  it('a second one is told who holds the lease', async () => {
    const { repository } = await create();
    const writer = await repository.openWriter({ installation: 'me', what: 'backing up web' });
    const second = await reopen(null, ':memory:');
    const thrown: unknown = await second.openWriter(owner).catch((error: unknown) => error);
    expect(hasCode(thrown, 'repository-busy')).toBe(true);
    expect((thrown as { data: unknown }).data).toMatchObject({
      owner: { installation: 'me', what: 'backing up web' },
    });
    await writer.release();
    await (await second.openWriter(owner)).release();
  });
});

describe('encryption', { timeout: 60_000 }, () => {
  it('opens with password, recovery code or key, and not with anything else', async () => {
    const { repository, recoveryCode } = await create({ password: 'correct horse' });
    const image = Buffer.concat([Buffer.alloc(block, 'secret words '), noise('e', 3 * block)]);
    await backUp(repository, 'one', image);
    const key = repository.masterKey()!;
    for (const secret of [
      { password: 'correct horse' },
      { password: recoveryCode!.toLowerCase().replace(/\n/g, ' ') },
      { masterKey: key },
    ]) {
      const again = await reopen(secret, ':memory:');
      expect((await restorePoint(again, 'one')).equals(image)).toBe(true);
    }
    expect(await codeOf(reopen({ password: 'wrong' }))).toBe('wrong-password');
    expect(await codeOf(reopen({ masterKey: Buffer.alloc(32) }))).toBe('wrong-password');
    expect(await codeOf(reopen(null))).toBe('repository-locked');
    for (const file of await packFiles()) {
      expect((await readFile(file)).includes('secret words')).toBe(false);
    }
    const point = join(store.at.path, 'points', machineUuid, 'one');
    expect((await readFile(point)).includes('web 01')).toBe(false);
  });

  it('changes the password without touching a block; the recovery code stays', async () => {
    const { repository, recoveryCode } = await create({ password: 'old' });
    await backUp(repository, 'one', noise('p', block));
    const before = await packFiles();
    expect(await codeOf(repository.changePassword('not it', 'new'))).toBe('wrong-password');
    await repository.changePassword('old', 'new');
    expect(await packFiles()).toEqual(before);
    expect(await codeOf(reopen({ password: 'old' }))).toBe('wrong-password');
    await reopen({ password: 'new' }, ':memory:');
    await reopen({ password: recoveryCode! }, ':memory:');
    await repository.changePassword(recoveryCode!, 'newest');
    await reopen({ password: 'newest' }, ':memory:');
  });

  it('refuses parameters somebody changed', async () => {
    await create({ password: 'pass' });
    const file = join(store.at.path, 'waymark.json');
    const header = await readFile(file, 'utf8');
    await writeFile(file, header.replace('"blockSizeBytes": 4096', '"blockSizeBytes": 8192'));
    expect(await codeOf(reopen({ password: 'pass' }))).toBe('repository-damaged');
  });
});
