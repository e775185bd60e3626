/**
 * QEMU fails the guest's own writes when a pull backup's scratch file cannot grow (QEMU's default
 * on-cbw-error is break-guest-write, and libvirt offers no choice). So the free space under the
 * scratch files is watched, and the job is ended while there is still some.
 */
import { AppError } from '#contract/errors.ts';
import type { World } from '#engine/world/world.ts';

export const watchIntervalMs = 250;
/**
 * Free bytes below which a running backup is given up; less where the file system began smaller.
 */
export const scratchReserveBytes = 512 * 1024 * 1024;

/**
 * Watches until the returned function is called. `onLow` is called at most once, with the error
 * that ends the backup.
 */
export async function watchScratch(
  world: World,
  folder: string,
  onLow: (error: AppError) => void,
): Promise<() => void> {
  const atStart = await world.files.freeBytes(folder);
  const reserve = Math.min(scratchReserveBytes, Math.floor(atStart / 2));
  let stopped = false;
  let cancel: () => void = () => undefined;
  const look = async () => {
    if (stopped) return;
    const free = await world.files.freeBytes(folder).catch(() => null);
    if (free !== null && free < reserve) {
      stopped = true;
      onLow(scratchFull(folder, free));
      return;
    }
    cancel = world.clock.timer(watchIntervalMs, () => void look());
  };
  cancel = world.clock.timer(watchIntervalMs, () => void look());
  return () => {
    stopped = true;
    cancel();
  };
}

function scratchFull(folder: string, freeBytes: number): AppError {
  return new AppError(
    'no-space',
    `The disk with the scratch folder ${folder} is almost full, so the backup was stopped ` +
      'before the machine could be hurt.',
    {
      where: 'scratch',
      path: folder,
      freeBytes,
      unharmed: 'The machine runs on, and every earlier restore point is complete.',
      advice: 'Free some space there, then run the backup again.',
    },
  );
}
