/**
 * Writes the sample repositories of the format this version writes:
 *
 *   node test/samples/make.ts
 *
 * Run it once when the format changes, under a new folder name; a sample that was released is never
 * made again, because it stands for the repositories people have.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatVersion } from '#engine/store/crypto.ts';
import { createRepository } from '#engine/store/repository.ts';
import { realWorld } from '#engine/world/world.ts';
import { manifest, owner } from '../fakes/store-fixture.ts';
import { sampleImage, samplePassword } from './sample-image.ts';

const blockSizeBytes = 4096;

for (const kind of ['plain', 'encrypted'] as const) {
  const path = join(import.meta.dirname, `repository-${formatVersion}-${kind}`);
  rmSync(path, { recursive: true, force: true });
  const password = kind === 'plain' ? null : samplePassword;
  const made = await createRepository(realWorld(), path, {
    password,
    blockSizeBytes,
    scryptCost: { n: 1024, r: 8, p: 1 },
  });
  const writer = await made.repository.openWriter(owner);
  const image = sampleImage();
  const first = writer.beginDisk(image.length, null);
  await first.write(0, Buffer.from(image));
  const { root } = await first.finish();
  const definition = await writer.putBlob(Buffer.from('<domain/>'));
  await writer.commitPoint({ ...manifest('first', [root]), definition });
  const second = writer.beginDisk(image.length, root);
  await second.zero(0, blockSizeBytes);
  await writer.commitPoint(manifest('second', [(await second.finish()).root]));
  await writer.release();
  await made.repository.close();
  rmSync(join(path, 'locks'), { recursive: true }); // names a process of this machine
  const code = `${made.recoveryCode ?? ''}\n`;
  if (kind === 'encrypted') writeFileSync(join(path, 'recovery-code.txt'), code);
}
