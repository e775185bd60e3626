import { readFile, rm, writeFile, open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  blockId,
  blockKind,
  deriveKeys,
  encoding,
  sealedOverheadBytes,
  sealInto,
} from '#engine/store/crypto.ts';
import { packHeaderBytes } from '#engine/store/pack.ts';
import { openRepository, type StoreRepository, type TreeReader } from '#engine/store/repository.ts';
import {
  backUp,
  machineUuid,
  manifest,
  noise,
  owner,
  restorePoint,
} from '../../../fakes/store-fixture.ts';
import { block, codeOf, setUp } from './repository-set-up.ts';

const store = setUp();
const { create, reopen, packFiles } = store;

describe('damage', () => {
  async function flip(file: string, position: number): Promise<void> {
    const handle = await open(file, 'r+');
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, position);
    byte[0] = (byte[0] ?? 0) ^ 0xff;
    await handle.write(byte, 0, 1, position);
    await handle.close();
  }

  it('of a block is reported with all it touches, and healed by the next backup', async () => {
    const { repository } = await create();
    const image = noise('d', 20 * block);
    await backUp(repository, 'one', image);
    await backUp(repository, 'two', image);
    const [pack] = await packFiles();
    await flip(pack!, 24 + 2 * (block + 1) + 100); // inside the third block
    expect((await repository.verify('structure')).damage).toEqual([]);
    const found = await repository.verify('data');
    expect(found.damage).toHaveLength(1);
    expect(found.damage[0]!.touches).toEqual(
      ['one', 'two'].map((id) => ({
        point: { id, machineUuid },
        part: 'vda',
        ranges: [{ offset: 2 * block, length: block }],
      })),
    );
    expect(await codeOf(restorePoint(repository, 'one'))).toBe('block-damaged');
    const { disks } = await repository.readPoint('two', machineUuid);
    const lost = [];
    for await (const range of repository.damagedRanges(disks[0]!.root)) lost.push(range);
    expect(lost).toEqual([{ offset: 2 * block, length: block }]);
    // Changed-only, with only the damaged range read again.
    const writer = await repository.openWriter(owner);
    const disk = writer.beginDisk(image.length, disks[0]!.root);
    await disk.write(2 * block, Buffer.from(image.subarray(2 * block, 3 * block)));
    const { root } = await disk.finish();
    await writer.commitPoint(manifest('three', [root]));
    await writer.release();
    expect(writer.stats().newBlocks).toBe(1);
    for (const id of ['one', 'two', 'three']) {
      expect((await restorePoint(repository, id)).equals(image)).toBe(true);
    }
    expect((await repository.verify('data')).damage).toEqual([]);
    const fresh = await reopen(null, ':memory:');
    expect((await restorePoint(fresh, 'one')).equals(image)).toBe(true);
  });

  it('of one point only is found by verifying that point', async () => {
    const { repository } = await create();
    await backUp(repository, 'good', noise('g', 10 * block));
    const [first] = await packFiles();
    await backUp(repository, 'bad', noise('h', 10 * block));
    const second = (await packFiles()).find((file) => file !== first);
    await flip(second!, 200);
    const check = (id: string) => repository.verify('data', { point: { id, machineUuid } });
    expect((await check('good')).damage).toEqual([]);
    const { damage, blocksChecked } = await check('bad');
    expect(blocksChecked).toBe(10);
    expect(damage[0]!.touches[0]!.ranges).toEqual([{ offset: 0, length: block }]);
  });

  it('a cut or missing pack is reported; other points restore', async () => {
    const { repository } = await create();
    await backUp(repository, 'good', noise('g', 10 * block));
    const before = await packFiles();
    await backUp(repository, 'bad', noise('h', 10 * block));
    const pack = (await packFiles()).find((file) => !before.includes(file))!;
    const whole = await readFile(pack);
    await writeFile(pack, whole.subarray(0, whole.length - 1000));
    const cut = await reopen(null, ':memory:');
    expect((await cut.verify('structure')).damage.map(({ what }) => what)).toContain('pack');
    expect((await restorePoint(cut, 'good')).length).toBe(10 * block);
    expect(await codeOf(restorePoint(cut, 'bad'))).toBe('block-damaged');
    await rm(pack);
    const { damage } = await repository.verify('structure');
    expect(damage[0]!.touches[0]!.point.id).toBe('bad');
    await backUp(repository, 'again', noise('h', 10 * block));
    expect((await restorePoint(repository, 'bad')).equals(noise('h', 10 * block))).toBe(true);
    expect((await repository.verify('data')).damage).toEqual([]);
  });

  describe('that the seal does not show', () => {
    const image = noise('wrong', 20 * block);

    /** Puts `other` in the place of the image's first block, sealed by the key for its id. */
    async function forge(repository: StoreRepository, other: Buffer): Promise<void> {
      const keys = deriveKeys(repository.masterKey(), repository.id);
      const id = blockId(keys, blockKind.data, image.subarray(0, block));
      const payload = Buffer.alloc(block + sealedOverheadBytes(keys));
      const source = { id, kind: blockKind.data, how: encoding.raw, bytes: other };
      sealInto(keys, source, payload, 0);
      const [pack] = await packFiles();
      const handle = await open(pack!, 'r+');
      await handle.write(payload, 0, payload.length, packHeaderBytes);
      await handle.close();
    }

    async function copied(tree: TreeReader): Promise<Buffer> {
      const out = Buffer.alloc(image.length);
      const write = async (offset: number, bytes: Buffer) => void bytes.copy(out, offset);
      await tree.copyTo(write);
      return out;
    }

    it('is found by whoever compares what was copied, as damage of the repository', async () => {
      const { repository } = await create({ password: 'secret' });
      const root = await backUp(repository, 'one', image);
      const other = noise('other', block);
      await forge(repository, other);
      const out = await copied(repository.openTree(root));
      expect(out.subarray(0, block).equals(other)).toBe(true);
      const read = async (offset: number, into: Buffer) => void out.copy(into, 0, offset);
      const comparing = repository.openTree(root).firstDifference(read, () => undefined);
      expect(await codeOf(comparing)).toBe('block-damaged');
      expect(await codeOf(repository.openTree(root).read(0, 10))).toBe('block-damaged');
      // What differs for another reason is the copy's own fault.
      other.copy(out, 5 * block);
      const rest = { range: { offset: block, length: image.length - block } };
      const tail = repository.openTree(root).firstDifference(read, () => undefined, rest);
      expect(await tail).toBe(5 * block);
    });

    it('is found at once where nothing is sealed', async () => {
      const { repository } = await create();
      const root = await backUp(repository, 'one', image);
      await forge(repository, noise('other', block));
      expect(await codeOf(copied(repository.openTree(root)))).toBe('block-damaged');
    });
  });

  it('a truncated manifest is damage of that point alone', async () => {
    const { repository } = await create();
    await backUp(repository, 'one', noise('m', block));
    await backUp(repository, 'two', noise('m', block));
    const file = join(store.at.path, 'points', machineUuid, 'one');
    const bytes = await readFile(file);
    for (const length of [0, 10, 60, bytes.length - 1]) {
      await writeFile(file, bytes.subarray(0, length));
      expect(await codeOf(repository.readPoint('one', machineUuid))).toBe('manifest-damaged');
    }
    await writeFile(file, await readFile(join(store.at.path, 'points', machineUuid, 'two')));
    expect(await codeOf(repository.readPoint('one', machineUuid))).toBe('manifest-refused');
    expect((await repository.verify('structure')).damage.map(({ id }) => id)).toEqual(['one']);
    await restorePoint(repository, 'two');
  });
});

describe('the index', () => {
  it('is rebuilt from trailers when lost, broken or of another repository', async () => {
    const { repository } = await create();
    const image = noise('i', 30 * block);
    await backUp(repository, 'one', image);
    await repository.rebuildIndex();
    expect((await restorePoint(repository, 'one')).equals(image)).toBe(true);
    await repository.close();

    for (const suffix of ['-wal', '-shm']) await rm(store.at.indexPath + suffix, { force: true });
    await writeFile(
      store.at.indexPath,
      'not a database at all, but long enough to be looked at twice',
    );
    const again = await reopen();
    expect((await restorePoint(again, 'one')).equals(image)).toBe(true);
    expect(await again.usage()).toMatchObject({ packs: 1, points: 1 });
  });

  it('only reads: a repository opened read-only takes no lease', async () => {
    const { repository } = await create();
    await backUp(repository, 'one', noise('r', block));
    const options = { indexPath: ':memory:', readOnly: true };
    const reader = await openRepository(store.at.world, store.at.path, null, options);
    store.closeLater(reader);
    expect((await restorePoint(reader, 'one')).equals(noise('r', block))).toBe(true);
    expect(await codeOf(reader.openWriter(owner))).toBe('read-only');
  });
});
