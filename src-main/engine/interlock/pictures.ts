/**
 * What was on the screen when a snapshot was taken: PNG files in the data folder. A nicety: where
 * one cannot be had or kept, the snapshot is as good.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import type { World } from '#engine/world/world.ts';

/** A picture of a large screen has a few MiB; what is larger is not kept. */
const maxPictureBytes = 32 * 1024 * 1024;
const png = 'image/png';

export interface Pictures {
  /** Keeps the machine's screen as it is now for its snapshot of this name; never throws. */
  keep(hypervisor: Hypervisor, uuid: string, snapshot: string): Promise<void>;
  drop(uuid: string, snapshot: string): Promise<void>;
  /** Null when none was kept. `time` is the snapshot's: a later one of its name has another. */
  read(
    uuid: string,
    snapshot: string,
    time: number,
  ): Promise<{ readonly mime: string; readonly bytes: Buffer } | null>;
  /** Which of these snapshots have one. */
  have(
    uuid: string,
    snapshots: readonly { readonly name: string; readonly time: number }[],
  ): Promise<ReadonlySet<string>>;
}

export function createPictures({ files, log }: World, folder: string): Pictures {
  const of = (uuid: string) => join(folder, uuid);
  return {
    keep: async (hypervisor, uuid, snapshot) => {
      try {
        const picture = await hypervisor.screenshot(uuid);
        if (picture?.mime !== png || picture.bytes.length > maxPictureBytes) return;
        const records = await hypervisor.listSnapshots(uuid);
        const record = records.find(({ name }) => name === snapshot);
        if (record === undefined) return;
        await files.makeFolder(of(uuid));
        const path = join(of(uuid), fileName(snapshot, record.time));
        await files.writeDurable(path, picture.bytes);
      } catch (thrown) {
        log.warn('A picture of the screen was not kept', { snapshot, thrown: String(thrown) });
      }
    },
    drop: async (uuid, snapshot) => {
      try {
        const names = (await files.stat(of(uuid))) === null ? [] : await files.list(of(uuid));
        const ours = names.filter((name) => name.startsWith(`${key(snapshot)}-`));
        for (const name of ours) await files.remove(join(of(uuid), name));
      } catch (thrown) {
        log.warn('A picture of the screen was not removed', { snapshot, thrown: String(thrown) });
      }
    },
    read: async (uuid, snapshot, time) => {
      const path = join(of(uuid), fileName(snapshot, time));
      if ((await files.stat(path)) === null) return null;
      return { mime: png, bytes: await files.read(path, maxPictureBytes) };
    },
    have: async (uuid, snapshots) => {
      if ((await files.stat(of(uuid))) === null) return new Set();
      const kept = new Set(await files.list(of(uuid)));
      const found = snapshots.filter(({ name, time }) => kept.has(fileName(name, time)));
      return new Set(found.map(({ name }) => name));
    },
  };
}

/** A snapshot's name may hold what no file name can. */
function key(snapshot: string): string {
  return createHash('sha256').update(snapshot).digest('hex').slice(0, 24);
}

function fileName(snapshot: string, time: number): string {
  return `${key(snapshot)}-${Math.floor(time / 1000)}.png`;
}
