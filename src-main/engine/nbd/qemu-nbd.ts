/**
 * Serves an image file over NBD with qemu-nbd, for restores and for machines that do not run. The
 * server lives as long as the connection this file keeps open to it: when Waymark ends, however it
 * ends, that connection closes and qemu-nbd goes with it, so nothing is left behind.
 */
import { AppError } from '#contract/errors.ts';
import type { Child } from '#engine/world/processes.ts';
import type { World } from '#engine/world/world.ts';
import { connectNbd, type NbdClient } from './client.ts';
import { explainFailure } from './image-failure.ts';
import { imageInfo, isRecording, requireAbsolute } from './image.ts';

export interface ServeOptions {
  readonly imagePath: string;
  readonly format: string;
  readonly readOnly: boolean;
  /** A persistent bitmap to offer as the context qemu:dirty-bitmap:NAME. */
  readonly bitmap?: string;
  readonly socketPath: string;
  /** 'none' goes past the page cache where the file system can; default 'writeback'. */
  readonly cache?: 'none' | 'writeback';
  /** Run as this user (needs root). */
  readonly uid?: number;
  readonly gid?: number;
  readonly signal?: AbortSignal;
}

export interface ServedImage {
  readonly socketPath: string;
  readonly pid: number;
  /** False when 'none' was asked for and the file system cannot go past its cache. */
  readonly direct: boolean;
  /** Ends the server and removes its socket; everything written is in the image afterwards. */
  stop(): Promise<void>;
}

/** Connections one server takes; ours is one of them. */
const maxServerConnections = 16;
const startTimeoutMs = 30_000;
const pollMs = 10;
const stopTimeoutMs = 30_000;

/**
 * Starts qemu-nbd and resolves when it answers. Errors: `image-missing`, `permission-denied`,
 * `machine-busy` (another program has the image open), `invalid-input` (not of that format),
 * `checkpoint-inconsistent` (the bitmap is missing or broken), `tool-missing`, `cancelled`.
 */
export async function serveImage(world: World, options: ServeOptions): Promise<ServedImage> {
  requireAbsolute(options.imagePath);
  requireAbsolute(options.socketPath);
  if ((await world.files.stat(options.imagePath)) === null) throw await explain(world, options, '');
  if (options.bitmap !== undefined) await checkBitmap(world, options, options.bitmap);
  const direct = options.cache === 'none';
  const first = await start(world, options, direct);
  if ('lifeline' in first) return served(world, options, first, direct);
  const reason = await explain(world, options, first.stderr);
  // Not every file system has O_DIRECT. If nothing else is wrong, the cache is the only way.
  if (!direct || reason.code !== 'invalid-input') throw reason;
  const second = await start(world, options, false);
  if (!('lifeline' in second)) throw reason;
  return served(world, options, second, false);
}

interface Running {
  readonly child: Child;
  readonly lifeline: NbdClient;
}

interface Failed {
  readonly stderr: string;
}

async function start(
  world: World,
  options: ServeOptions,
  direct: boolean,
): Promise<Running | Failed> {
  const { socketPath, uid, gid, signal } = options;
  await world.files.remove(socketPath); // left behind by a crash
  const child = await world.processes.start('qemu-nbd', serverArguments(options, direct), {
    ...(uid === undefined || gid === undefined ? {} : { as: { uid, gid } }),
  });
  const life = { over: false };
  void child.exited.then(() => {
    life.over = true;
  });
  const deadline = world.clock.monotonic() + startTimeoutMs;
  try {
    for (;;) {
      if (life.over) return { stderr: child.stderr() };
      const lifeline = await tryConnect(world, options);
      if (lifeline !== null) return { child, lifeline };
      if (world.clock.monotonic() > deadline) {
        throw new AppError('nbd-connection-lost', 'qemu-nbd did not begin to answer in time.', {
          path: options.imagePath,
          said: child.stderr().slice(-500),
        });
      }
      await world.clock.sleep(pollMs, signal);
    }
  } catch (thrown) {
    await end(world, child);
    await world.files.remove(socketPath);
    throw thrown;
  }
}

/** Null while the server is not there yet. Other failures are for the caller. */
async function tryConnect(world: World, options: ServeOptions): Promise<NbdClient | null> {
  const { socketPath } = options;
  if ((await world.files.stat(socketPath)) === null) return null;
  try {
    return await connectNbd({ socketPath, exportName: '', contexts: [] });
  } catch (thrown) {
    if (thrown instanceof AppError && thrown.code === 'nbd-connection-lost') return null;
    throw thrown;
  }
}

function serverArguments(options: ServeOptions, direct: boolean): string[] {
  return [
    `--socket=${options.socketPath}`,
    `--format=${options.format}`,
    `--shared=${maxServerConnections}`,
    `--cache=${direct ? 'none' : 'writeback'}`,
    ...(options.readOnly ? ['--read-only'] : ['--discard=unmap']),
    ...(options.bitmap === undefined ? [] : [`--bitmap=${options.bitmap}`]),
    '--',
    options.imagePath,
  ];
}

function served(
  world: World,
  options: ServeOptions,
  { child, lifeline }: Running,
  direct: boolean,
): ServedImage {
  let stopping: Promise<void> | null = null;
  const stop = async () => {
    await lifeline.close();
    const clean = await end(world, child);
    await world.files.remove(options.socketPath);
    if (!clean && !options.readOnly) {
      throw new AppError('file-failed', `qemu-nbd did not close ${options.imagePath} properly.`, {
        path: options.imagePath,
        said: child.stderr().slice(-500),
      });
    }
  };
  return {
    socketPath: options.socketPath,
    pid: child.pid,
    direct,
    stop: () => (stopping ??= stop()),
  };
}

/** Asks the server to end, makes it end if it will not; true if it closed the image itself. */
async function end(world: World, child: Child): Promise<boolean> {
  child.kill('SIGTERM');
  const cancelKill = world.clock.timer(stopTimeoutMs, () => child.kill('SIGKILL'));
  const code = await child.exited;
  cancelKill();
  return code === 0;
}

async function checkBitmap(world: World, options: ServeOptions, name: string): Promise<void> {
  const { bitmaps } = await imageInfo(world, options.imagePath, { share: true });
  const bitmap = bitmaps.find((one) => one.name === name);
  if (bitmap !== undefined && isRecording(bitmap)) return;
  const state =
    bitmap === undefined
      ? 'has no bitmap'
      : 'was not closed properly, or does not record, in bitmap';
  throw new AppError('checkpoint-inconsistent', `${options.imagePath} ${state} ${name}.`, {
    path: options.imagePath,
    bitmap: name,
    missing: bitmap === undefined,
  });
}

function explain(world: World, options: ServeOptions, stderr: string): Promise<AppError> {
  const { imagePath: path, format, readOnly } = options;
  return explainFailure(world, { path, format, writing: !readOnly }, stderr);
}
