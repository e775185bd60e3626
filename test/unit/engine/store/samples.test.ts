/** Repositories of every format version ever released still open and restore. */
import { cp, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { inspectRepository, openRepository } from '#engine/store/repository.ts';
import { fixture, machineUuid, restorePoint } from '../../../fakes/store-fixture.ts';
import { sampleImage, samplePassword } from '../../../samples/sample-image.ts';

// A disk and worker threads on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const samples = join(import.meta.dirname, '../../../samples');

describe.each([1])('format %i', (version) => {
  it.each(['plain', 'encrypted'] as const)('%s', { timeout: 30_000 }, async (kind) => {
    const at = await fixture();
    await cp(join(samples, `repository-${version}-${kind}`), at.path, { recursive: true });
    expect(await inspectRepository(at.world, at.path)).toMatchObject({
      formatVersion: version,
      encrypted: kind === 'encrypted',
      blockSizeBytes: 4096,
    });
    const secrets =
      kind === 'plain'
        ? [null]
        : [
            { password: samplePassword },
            { password: await readFile(join(at.path, 'recovery-code.txt'), 'utf8') },
          ];
    for (const secret of secrets) {
      const options = { indexPath: ':memory:', readOnly: true };
      const repository = await openRepository(at.world, at.path, secret, options);
      const image = sampleImage();
      expect((await restorePoint(repository, 'first')).equals(image)).toBe(true);
      image.fill(0, 0, 4096);
      expect((await restorePoint(repository, 'second')).equals(image)).toBe(true);
      const { definition } = await repository.readPoint('first', machineUuid);
      expect((await repository.readBlob(definition!)).toString()).toBe('<domain/>');
      expect((await repository.verify('data')).damage).toEqual([]);
      await repository.close();
    }
    await at.remove();
  });

  it('holds a pack whose bytes are as FORMAT.md says', async () => {
    const folder = join(samples, `repository-${version}-plain`, 'packs');
    const names = await readdir(folder, { recursive: true });
    const name = names.find((one) => /[0-9a-f]{32}$/.test(one))!;
    const pack = await readFile(join(folder, name));
    expect(pack.subarray(0, 8).toString('latin1')).toBe('WAYMKPK1');
    expect(pack.subarray(8, 24).toString('hex')).toBe(name.slice(3));
    expect(pack.subarray(-8).toString('latin1')).toBe('WAYMKEND');
    const footer = pack.length - 44;
    const entries = pack.readUInt32LE(footer);
    const firstEntry = footer - entries * 41;
    expect(pack[firstEntry + 32]).toBeGreaterThan(0);
    expect(pack.readUInt32LE(firstEntry + 33)).toBe(24);
    let end = 24;
    for (let at = firstEntry; at < footer; at += 41) {
      expect(pack.readUInt32LE(at + 33)).toBe(end);
      end += pack.readUInt32LE(at + 37);
    }
    expect(end).toBe(firstEntry);
  });
});
