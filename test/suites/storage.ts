/** What every Storage must do, whatever holds the files. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Storage } from '#engine/store/storage.ts';

export interface StorageUnderTest {
  readonly storage: Storage;
  end(): Promise<void>;
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (thrown: unknown) => (thrown as { code: string }).code,
  );

export function storageSuite(name: string, make: () => Promise<StorageUnderTest>): void {
  describe(`storage: ${name}`, () => {
    let under: StorageUnderTest;
    let storage: Storage;
    beforeEach(async () => {
      under = await make();
      ({ storage } = under);
    });
    afterEach(() => under.end());

    it('puts once, replaces, reads, lists and deletes', async () => {
      expect(await storage.putIfAbsent('points/m/one', Buffer.from('first'))).toBe(true);
      expect(await storage.putIfAbsent('points/m/one', Buffer.from('second'))).toBe(false);
      expect((await storage.get('points/m/one', 100)).toString()).toBe('first');
      await storage.put('points/m/one', Buffer.from('third'));
      expect((await storage.get('points/m/one', 100)).toString()).toBe('third');
      expect(await storage.size('points/m/one')).toBe(5);
      expect(await storage.list('points')).toEqual(['m']);
      expect(await storage.list('points/m')).toEqual(['one']);
      await storage.delete('points/m/one');
      await storage.delete('points/m/one');
      expect(await storage.list('points/m')).toEqual([]);
      expect(await storage.size('points/m/one')).toBe(null);
    });

    it('lets exactly one of many put the same name', async () => {
      const tries = Array.from({ length: 20 }, (_, i) =>
        storage.putIfAbsent('locks/same', Buffer.from(String(i))),
      );
      expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1);
    });

    it('shows a written file only when it is published, whole', async () => {
      const file = await storage.create('packs/ab/ab12');
      await file.append(Buffer.from('hello '));
      await file.append(Buffer.from('world'));
      expect(file.sizeBytes).toBe(11);
      expect((await file.readBack(6, 5)).toString()).toBe('world');
      expect(await storage.size('packs/ab/ab12')).toBe(null);
      await file.publish();
      const into = Buffer.alloc(5);
      await storage.readInto('packs/ab/ab12', 6, into);
      expect(into.toString()).toBe('world');
      expect(await storage.list('packs')).toEqual(['ab']);
      await file.discard();
      expect(await storage.size('packs/ab/ab12')).toBe(11);
    });

    it('forgets a discarded file, and what a dead writer left', async () => {
      const gone = await storage.create('packs/ab/gone');
      await gone.append(Buffer.from('x'));
      await gone.discard();
      const left = await storage.create('packs/ab/left');
      await left.append(Buffer.from('x'));
      await storage.removeTemporary();
      expect(await codeOf(left.publish())).not.toBe('no error');
      expect(await storage.list('packs/ab')).toEqual([]);
    });

    it('says what is missing, too short or too large', async () => {
      await storage.put('points/m/one', Buffer.from('12345'));
      expect(await codeOf(storage.get('points/m/two', 10))).toBe('path-not-found');
      expect(await codeOf(storage.get('points/m/one', 4))).toBe('path-invalid');
      expect(await codeOf(storage.readInto('points/m/one', 2, Buffer.alloc(4)))).toBe(
        'file-failed',
      );
      expect(await codeOf(storage.readInto('points/m/two', 0, Buffer.alloc(4)))).toBe(
        'path-not-found',
      );
      expect(await storage.list('nothing')).toEqual([]);
    });

    it('reads many files at once, more than it keeps open', async () => {
      const names = Array.from({ length: 60 }, (_, i) => `packs/cd/${i}`);
      for (const name of names) await storage.put(name, Buffer.from(name));
      const read = async (name: string) => {
        const into = Buffer.alloc(name.length);
        await storage.readInto(name, 0, into);
        return into.toString();
      };
      const twice = [...names, ...names];
      expect(await Promise.all(twice.map(read))).toEqual(twice);
    });
  });
}
