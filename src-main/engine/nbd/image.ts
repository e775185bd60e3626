/**
 * What qemu-img knows of an image file, and new empty images. Images are named by absolute paths
 * only, so that QEMU never takes a name for a protocol ("nbd:", "json:").
 */
import { isAbsolute } from 'node:path';
import { AppError, type ErrorData } from '#contract/errors.ts';
import type { World } from '#engine/world/world.ts';
import { explainFailure } from './image-failure.ts';

export interface ImageBitmap {
  readonly name: string;
  readonly granularityBytes: number;
  /** "in-use": it was not closed properly; without "auto" it is switched off. See isRecording. */
  readonly flags: readonly string[];
}

export interface ImageFile {
  readonly path: string;
  readonly format: string;
}

export interface ImageInfo extends ImageFile {
  readonly sizeBytes: number;
  /** Bytes taken on the file system. */
  readonly allocatedBytes: number;
  /** The format's own "not closed properly" mark. */
  readonly dirty: boolean;
  readonly corrupt: boolean;
  readonly encrypted: boolean;
  /** Version of a qcow2 image as QEMU writes it ("1.1"; "0.10" cannot hold bitmaps). */
  readonly compat: string | null;
  readonly bitmaps: readonly ImageBitmap[];
  /** The internal snapshots in it; `memoryBytes` is 0 where the memory is not in this image. */
  readonly snapshots: readonly { readonly name: string; readonly memoryBytes: number }[];
  /** Images below this one, nearest first. */
  readonly backing: readonly ImageFile[];
}

/** QEMU's mark on a bitmap that was in use when its image was last let go. */
const inUseFlag = 'in-use';
/** And on one that records as soon as its image is opened for writing. */
const autoFlag = 'auto';

/**
 * Of a closed image: the bitmap has everything since it was made. One that was in use when a QEMU
 * died has lost something, and one that is switched off does not see what is written.
 */
export function isRecording({ flags }: Pick<ImageBitmap, 'flags'>): boolean {
  return flags.includes(autoFlag) && !flags.includes(inUseFlag);
}

const maxSizeBytes = 64 * 2 ** 40;
const timeoutMs = 30_000;

interface InfoOptions {
  readonly share?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Reads an image's header and its backing chain. With `share` also an image a running machine has
 * open: its bitmaps and allocation are then not current (facts of QEMU: persistent bitmaps are
 * written at close). Errors: `image-missing`, `permission-denied`, `machine-busy` (open elsewhere
 * and not `share`), `tool-missing`, `invalid-input` (not an image QEMU understands).
 */
export async function imageInfo(
  world: World,
  path: string,
  options: InfoOptions = {},
): Promise<ImageInfo> {
  return readImageInfo(await runInfo(world, path, ['--backing-chain'], options), path);
}

/** The image and all below it, nearest first, each with its own details. Errors as imageInfo. */
export async function imageChain(
  world: World,
  path: string,
  options: InfoOptions = {},
): Promise<readonly ImageInfo[]> {
  return readImageChain(await runInfo(world, path, ['--backing-chain'], options), path);
}

/**
 * The image alone, and the path of the one below it: for a chain that is broken further down.
 * Errors as imageInfo.
 */
export async function imageHead(
  world: World,
  path: string,
  options: InfoOptions = {},
): Promise<{ readonly info: ImageInfo; readonly below: string | null }> {
  const json = await runInfo(world, path, [], options);
  const head = record(parsed(json, path));
  const below = text(head['full-backing-filename']) || text(head['backing-filename']);
  return { info: readImageInfo(json, path), below: below === '' ? null : below };
}

/**
 * Whether a closed qcow2 image has nothing of its own: everything it shows comes from the images
 * below. Errors as imageInfo, `unsupported` when qemu-img does not say.
 */
export async function holdsNothing(world: World, path: string): Promise<boolean> {
  requireAbsolute(path);
  const args = ['--output=json', '-f', 'qcow2', '--', path];
  const checked = await world.processes.run('qemu-img', ['check', ...args], { timeoutMs });
  if (number(record(parsed(checked.stdout || '{}', path))['allocated-clusters']) > 0) return false;
  // Blocks that were set to zero take no cluster, and are as much its own.
  const { code, stdout, stderr } = await world.processes.run('qemu-img', ['map', ...args], {
    timeoutMs,
  });
  if (code !== 0) throw await explainFailure(world, { path }, stderr);
  return list(parsed(stdout, path))
    .map(record)
    .every((part) => part['depth'] !== 0 || part['present'] === false);
}

async function runInfo(
  world: World,
  path: string,
  more: readonly string[],
  options: InfoOptions,
): Promise<string> {
  requireAbsolute(path);
  const share = options.share === true ? ['-U'] : [];
  const args = ['info', '--output=json', ...more, ...share, '--', path];
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const { code, stdout, stderr } = await world.processes.run('qemu-img', args, {
    timeoutMs,
    ...signal,
  });
  if (code !== 0) throw await explainFailure(world, { path }, stderr);
  return stdout;
}

/**
 * A new, empty, sparse image; never over something that is there (`path-exists`). Other errors:
 * those of files, `tool-missing`.
 */
export async function createImage(
  world: World,
  path: string,
  format: 'raw' | 'qcow2',
  sizeBytes: number,
): Promise<void> {
  requireAbsolute(path);
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0 || sizeBytes > maxSizeBytes) {
    throw new AppError('invalid-input', `A disk cannot have ${sizeBytes} bytes.`, { sizeBytes });
  }
  // qemu-img would overwrite: creating the file ourselves is what makes the name ours.
  const file = await world.files.open(path, 'create');
  try {
    if (format === 'raw') await file.truncate(sizeBytes);
  } finally {
    await file.close();
  }
  if (format === 'raw') return;
  try {
    const args = ['create', '-q', '-f', 'qcow2', '--', path, String(sizeBytes)];
    const { code, stderr } = await world.processes.run('qemu-img', args, { timeoutMs });
    if (code !== 0) throw await explainFailure(world, { path }, stderr);
  } catch (thrown) {
    await world.files.remove(path);
    throw thrown;
  }
}

/** Throws `path-invalid` for a relative path. */
export function requireAbsolute(path: string): void {
  if (isAbsolute(path)) return;
  throw new AppError('path-invalid', `${path} is not an absolute path.`, { path });
}

/** The image described by `qemu-img info --output=json`, with its chain if it was asked for. */
export function readImageInfo(json: string, path: string): ImageInfo {
  const [top] = readImageChain(json, path);
  if (top === undefined) throw notUnderstood(path, 'no image');
  return top;
}

function readImageChain(json: string, path: string): readonly ImageInfo[] {
  const all = parsed(json, path);
  const images = (Array.isArray(all) ? (all as unknown[]) : [all]).map(record);
  return images.map((image, at) => {
    const name = at === 0 ? path : text(image['filename']);
    const below = images.slice(at + 1);
    return readImage(image, name, below);
  });
}

function parsed(json: string, path: string): unknown {
  try {
    return JSON.parse(json);
  } catch (thrown) {
    throw new AppError('unsupported', 'qemu-img did not answer in JSON.', { path }, thrown);
  }
}

function notUnderstood(path: string, what: string): AppError {
  return new AppError(
    'unsupported',
    `qemu-img describes ${path} in a way not understood: ${what}.`,
    {
      path,
    } satisfies ErrorData,
  );
}

type Fields = Readonly<Record<string, unknown>>;

function readImage(top: Fields, path: string, below: readonly Fields[]): ImageInfo {
  const sizeBytes = top['virtual-size'];
  const format = top['format'];
  if (typeof sizeBytes !== 'number' || !Number.isSafeInteger(sizeBytes)) {
    throw notUnderstood(path, 'no size');
  }
  if (typeof format !== 'string') throw notUnderstood(path, 'no format');
  const details = record(record(top['format-specific'])['data']);
  return {
    path,
    format,
    sizeBytes,
    allocatedBytes: number(top['actual-size']),
    dirty: top['dirty-flag'] === true,
    corrupt: details['corrupt'] === true,
    encrypted: top['encrypted'] === true || details['encrypt'] !== undefined,
    compat: typeof details['compat'] === 'string' ? details['compat'] : null,
    bitmaps: list(details['bitmaps']).map(readBitmap),
    snapshots: list(top['snapshots'])
      .map(record)
      .map((snapshot) => ({
        name: text(snapshot['name']),
        memoryBytes: number(snapshot['vm-state-size']),
      })),
    backing: below.map((image) => ({
      path: text(image['filename']),
      format: text(image['format']),
    })),
  };
}

function readBitmap(value: unknown): ImageBitmap {
  const bitmap = record(value);
  return {
    name: text(bitmap['name']),
    granularityBytes: number(bitmap['granularity']),
    flags: list(bitmap['flags']).map(text),
  };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
