import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { gatherChain } from '#engine/interlock/gather-images.ts';
import { realProcesses } from '#engine/world/processes.ts';
import { disk } from '../../../fakes/backup-input.ts';
import { fakeWorld, temporaryFolder } from '../../../fakes/world.ts';

describe('a raw disk', () => {
  test('is never probed: its first bytes are the guest’s to write', async () => {
    const asked: string[] = [];
    const world = fakeWorld({
      processes: {
        ...realProcesses,
        run: (program) => {
          asked.push(program);
          return Promise.resolve({ code: 0, stdout: '{}', stderr: '' });
        },
      },
    });
    const path = join(temporaryFolder(), 'disk.raw');
    writeFileSync(path, Buffer.concat([Buffer.from('QFI\xfb', 'latin1'), Buffer.alloc(4092)]));
    const raw = disk('vda', { format: 'raw', source: path }).disk;
    const chain = await gatherChain(world, raw, path);
    expect(asked).toEqual([]);
    expect(chain).toMatchObject([
      { path, format: 'raw', sizeBytes: 4096, exists: true, snapshots: [], bitmaps: [] },
    ]);
  });

  test('that is missing says so', async () => {
    const path = join(temporaryFolder(), 'gone.raw');
    const raw = disk('vda', { format: 'raw', source: path }).disk;
    expect(await gatherChain(fakeWorld(), raw, path)).toMatchObject([{ exists: false }]);
  });
});
