/** Storage pools and volumes: for hosts whose files this user may not touch, libvirt does it. */
import { dirname } from 'node:path';
import { AppError } from '#contract/errors.ts';
import type { Hypervisor, PoolRecord, UploadOptions } from './hypervisor.ts';
import { hasLibvirtNumber, libvirtErrorNumber } from './libvirt-error.ts';
import type { Link } from './link.ts';
import { procedures, type VolumeRef } from './procedures.ts';
import { readAll } from './read-stream.ts';
import type { RpcStream } from './stream.ts';
import { at, attribute, parseXml, textOf } from './xml.ts';

const activePool: readonly number[] = [2, 3]; // VIR_STORAGE_POOL_RUNNING, _DEGRADED
const sparseUpload = 1; // VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM
/** Zeroes shorter than this are cheaper sent than skipped. */
export const smallestHoleBytes = 64 * 1024;

type VolumeCalls = Pick<
  Hypervisor,
  | 'listPools'
  | 'createVolume'
  | 'deleteVolume'
  | 'volumeForPath'
  | 'uploadVolume'
  | 'downloadVolume'
>;

export function volumeCalls(link: Link): VolumeCalls {
  const mustFind = async (path: string): Promise<VolumeRef> => {
    const vol = await find(link, path);
    if (vol !== null) return vol;
    throw new AppError('path-not-found', `No storage pool of libvirt holds ${path}.`, { path });
  };
  return {
    listPools: () => listPools(link),
    createVolume: async (pool, xml) => {
      const found = await link.call(procedures.poolLookup, { name: pool });
      const args = { pool: found.pool, xml, flags: 0 };
      const { vol } = await link.call(procedures.volumeCreate, args);
      return (await link.call(procedures.volumeGetPath, { vol })).path;
    },
    deleteVolume: async (path) => {
      await link.call(procedures.volumeDelete, { vol: await mustFind(path), flags: 0 });
    },
    volumeForPath: async (path) => {
      const vol = await find(link, path);
      if (vol === null) return null;
      const { capacity } = await link.call(procedures.volumeGetInfo, { vol });
      return { name: vol.name, capacityBytes: capacity };
    },
    uploadVolume: async (path, source, options = {}) => {
      await upload(link, await mustFind(path), source, options);
    },
    downloadVolume: async (path, maxBytes, range = { offset: 0, length: 0 }) => {
      const args = { vol: await mustFind(path), ...range, flags: 0 };
      const { stream } = await link.openStream(procedures.volumeDownload, args);
      return readAll(stream, maxBytes, () => {
        const message = `${path} is larger than ${maxBytes} bytes.`;
        return new AppError('path-invalid', message, { path, maxBytes });
      });
    },
  };
}

async function listPools(link: Link): Promise<readonly PoolRecord[]> {
  const args = { needResults: true, flags: 0 };
  const { pools } = await link.call(procedures.connectListAllPools, args);
  return Promise.all(
    pools.map(async (pool) => {
      const [{ xml }, { state, available }] = await Promise.all([
        link.call(procedures.poolGetXml, { pool, flags: 0 }),
        link.call(procedures.poolGetInfo, { pool }),
      ]);
      const root = parseXml(xml, 'pool');
      return {
        name: pool.name,
        uuid: textOf(at(root, 'uuid')) ?? '',
        type: attribute(root, 'type') ?? '',
        path: textOf(at(root, 'target', 'path')),
        active: activePool.includes(state),
        freeBytes: available,
      };
    }),
  );
}

/** Null when no pool holds the path, even after the pool at its folder has looked again. */
async function find(link: Link, path: string): Promise<VolumeRef | null> {
  const lookUp = async () => {
    const found = await link.call(procedures.volumeLookup, { path }).catch(nullIfNoVolume);
    return found?.vol ?? null;
  };
  try {
    const vol = await lookUp();
    // A pool knows the files it saw when it was last refreshed.
    return vol ?? ((await refreshPoolAt(link, dirname(path))) ? await lookUp() : null);
  } catch (thrown) {
    throw explainPath(thrown, path);
  }
}

async function refreshPoolAt(link: Link, folder: string): Promise<boolean> {
  const pool = (await listPools(link)).find(({ path, active }) => active && path === folder);
  if (pool === undefined) return false;
  const found = await link.call(procedures.poolLookup, { name: pool.name });
  await link.call(procedures.poolRefresh, { pool: found.pool, flags: 0 });
  return true;
}

async function upload(
  link: Link,
  vol: VolumeRef,
  source: AsyncIterable<Uint8Array>,
  options: UploadOptions,
): Promise<void> {
  const sparse = options.sparse === true;
  const { stream } = await link.openStream(procedures.volumeUpload, {
    vol,
    offset: options.offset ?? 0,
    length: options.length ?? 0,
    flags: sparse ? sparseUpload : 0,
  });
  try {
    if (sparse) await sendSparse(stream, source);
    else for await (const bytes of source) await stream.write(bytes);
    await stream.finish();
  } catch (thrown) {
    await stream.abort();
    throw thrown;
  }
}

/** Whole pieces of zeroes become holes; neighbouring holes become one. */
async function sendSparse(stream: RpcStream, source: AsyncIterable<Uint8Array>): Promise<void> {
  let hole = 0;
  const sendHole = async () => {
    if (hole > 0) await stream.writeHole(hole);
    hole = 0;
  };
  for await (const bytes of source) {
    for (let offset = 0; offset < bytes.length; offset += smallestHoleBytes) {
      const piece = bytes.subarray(offset, offset + smallestHoleBytes);
      if (isZero(piece)) {
        hole += piece.length;
      } else {
        await sendHole();
        await stream.write(piece);
      }
    }
  }
  await sendHole();
}

const zeroes = Buffer.alloc(smallestHoleBytes);

function isZero(bytes: Uint8Array): boolean {
  return zeroes.subarray(0, bytes.length).equals(bytes);
}

function nullIfNoVolume(thrown: unknown): null {
  if (hasLibvirtNumber(thrown, libvirtErrorNumber.noStorageVolume)) return null;
  throw thrown;
}

function explainPath(thrown: unknown, path: string): unknown {
  if (!hasLibvirtNumber(thrown, libvirtErrorNumber.noSupport)) return thrown;
  return new AppError('unsupported', `This libvirt has no storage driver to reach ${path}.`, {
    path,
  });
}
