import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import { createPictures, type Pictures } from '#engine/interlock/pictures.ts';
import { fakeWorld, temporaryFolder, type FakeWorld } from '../../../fakes/world.ts';

const uuid = '11111111-1111-4111-8111-111111111111';
const time = 1_700_000_000_000;
let world: FakeWorld;
let folder: string;
let pictures: Pictures;

beforeEach(() => {
  world = fakeWorld();
  folder = join(temporaryFolder(), 'pictures');
  pictures = createPictures(world, folder);
});

function showing(mime: string, text: string, names: readonly string[] = ['a/b']): Hypervisor {
  return {
    screenshot: () => Promise.resolve({ mime, bytes: Buffer.from(text) }),
    listSnapshots: () => Promise.resolve(names.map((name) => ({ name, time }))),
  } as unknown as Hypervisor;
}

describe('the picture of a snapshot', () => {
  test('is kept whatever the name holds, and read again', async () => {
    await pictures.keep(showing('image/png', 'screen'), uuid, 'a/b');
    expect(await pictures.read(uuid, 'a/b', time)).toEqual({
      mime: 'image/png',
      bytes: Buffer.from('screen'),
    });
    expect([...(await pictures.have(uuid, [{ name: 'a/b', time }]))]).toEqual(['a/b']);
    expect(readdirSync(folder)).toEqual([uuid]);
  });

  test('is not that of another snapshot of the same name', async () => {
    await pictures.keep(showing('image/png', 'screen'), uuid, 'a/b');
    expect(await pictures.read(uuid, 'a/b', time + 1000)).toBeNull();
    expect((await pictures.have(uuid, [{ name: 'a/b', time: time + 1000 }])).size).toBe(0);
  });

  test('goes with it', async () => {
    await pictures.keep(showing('image/png', 'screen'), uuid, 'a/b');
    await pictures.drop(uuid, 'a/b');
    expect(await pictures.read(uuid, 'a/b', time)).toBeNull();
    await pictures.drop(uuid, 'never-had-one');
  });

  test('is done without where it cannot be had', async () => {
    const failing = { screenshot: () => Promise.reject(new Error('no screen')) };
    await pictures.keep(failing as unknown as Hypervisor, uuid, 'a');
    await pictures.keep(showing('image/x-portable-pixmap', 'P6'), uuid, 'a/b');
    await pictures.keep(showing('image/png', 'screen', []), uuid, 'deleted meanwhile');
    expect((await pictures.have(uuid, [{ name: 'a/b', time }])).size).toBe(0);
    expect(world.logged).toHaveLength(1);
  });
});
