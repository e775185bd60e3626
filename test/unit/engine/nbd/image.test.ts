import { describe, expect, it } from 'vitest';
import { lockName } from '#engine/nbd/image-failure.ts';
import { createImage, imageInfo, readImageInfo } from '#engine/nbd/image.ts';
import { fakeWorld } from '../../../fakes/world.ts';

describe('what qemu-img tells', () => {
  it('is read with its chain and bitmaps', () => {
    const chain = [
      {
        'virtual-size': 1073741824,
        filename: '/v/top.qcow2',
        format: 'qcow2',
        'actual-size': 417792,
        'format-specific': {
          type: 'qcow2',
          data: {
            compat: '1.1',
            corrupt: false,
            bitmaps: [{ flags: ['in-use', 'auto'], name: 'b', granularity: 65536 }],
          },
        },
        'dirty-flag': true,
        snapshots: [{ id: '1', name: 'before', 'vm-state-size': 7 }],
      },
      { 'virtual-size': 1, filename: '/v/base.raw', format: 'raw', 'actual-size': 0 },
    ];
    expect(readImageInfo(JSON.stringify(chain), '/v/top.qcow2')).toEqual({
      path: '/v/top.qcow2',
      format: 'qcow2',
      sizeBytes: 1073741824,
      allocatedBytes: 417792,
      dirty: true,
      corrupt: false,
      encrypted: false,
      compat: '1.1',
      bitmaps: [{ name: 'b', granularityBytes: 65536, flags: ['in-use', 'auto'] }],
      snapshots: [{ name: 'before', memoryBytes: 7 }],
      backing: [{ path: '/v/base.raw', format: 'raw' }],
    });
  });

  it.each(['', '[]', '{}', '[{"format":"raw"}]', '[{"virtual-size":1}]', '[null]'])(
    'is refused where it makes no sense: %s',
    (json) => {
      expect(() => readImageInfo(json, '/v/x')).toThrow(
        expect.objectContaining({ code: 'unsupported' }),
      );
    },
  );
});

describe('images', () => {
  it('are named by absolute paths only, so that no name is a protocol', async () => {
    const world = fakeWorld();
    const invalid = { code: 'path-invalid' };
    await expect(imageInfo(world, 'nbd://x')).rejects.toMatchObject(invalid);
    await expect(createImage(world, 'json:{}', 'raw', 1)).rejects.toMatchObject(invalid);
  });

  it('cannot have a size no disk has', async () => {
    const world = fakeWorld();
    for (const size of [-1, 1.5, 2 ** 47]) {
      await expect(createImage(world, '/nowhere/x', 'raw', size)).rejects.toMatchObject({
        code: 'invalid-input',
      });
    }
  });

  it('are found in the table of locks by device and inode', () => {
    expect(lockName(0xfe00, 2154578)).toBe('fe:00:2154578');
    expect(lockName(0x0000_0019, 5)).toBe('00:19:5');
    expect(lockName(0x0010_0801, 9)).toBe('08:101:9'); // minor 0x101: its upper bits lie above
  });
});
