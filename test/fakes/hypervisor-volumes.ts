/** The storage side of the pretend libvirt host. */
import { dirname } from 'node:path';
import { AppError } from '#contract/errors.ts';
import type { UploadOptions } from '#engine/hypervisor/hypervisor.ts';
import { at, parseXml, textOf } from '#engine/hypervisor/xml.ts';

const freeBytes = 1024 ** 4;

/** By path. */
export function fakeVolumes(pools: readonly { readonly name: string; readonly path: string }[]) {
  const files = new Map<string, Buffer>();
  const find = (path: string) => {
    const content = files.get(path);
    if (content !== undefined) return content;
    throw new AppError('path-not-found', `No storage pool of libvirt holds ${path}.`, { path });
  };
  const calls = {
    listPools: async () =>
      pools.map(({ name, path }) => ({
        name,
        uuid: '00000000-0000-4000-8000-000000000001',
        type: 'dir',
        path,
        active: true,
        freeBytes,
      })),
    createVolume: async (pool: string, xml: string) => {
      const found = pools.find(({ name }) => name === pool);
      if (found === undefined) {
        const data = { code: 49, domain: 18, level: 2 };
        throw new AppError('libvirt-error', `no storage pool with matching name '${pool}'`, data);
      }
      const root = parseXml(xml, 'volume');
      const path = `${found.path}/${textOf(at(root, 'name')) ?? ''}`;
      if (files.has(path)) {
        const data = { code: 90, domain: 18, level: 2 };
        throw new AppError('libvirt-error', `storage volume '${path}' exists already`, data);
      }
      files.set(path, Buffer.alloc(Number(textOf(at(root, 'capacity')))));
      return path;
    },
    deleteVolume: async (path: string) => {
      find(path);
      files.delete(path);
    },
    volumeForPath: async (path: string) => {
      const content = files.get(path);
      if (content === undefined || !pools.some((pool) => pool.path === dirname(path))) return null;
      return { name: path.slice(dirname(path).length + 1), capacityBytes: content.length };
    },
    uploadVolume: async (
      path: string,
      source: AsyncIterable<Uint8Array>,
      options: UploadOptions = {},
    ) => {
      const content = find(path);
      let offset = options.offset ?? 0;
      for await (const bytes of source) {
        content.set(bytes, offset);
        offset += bytes.length;
      }
    },
    downloadVolume: async (
      path: string,
      maxBytes: number,
      range?: { readonly offset: number; readonly length: number },
    ) => {
      const whole = find(path);
      const content =
        range === undefined ? whole : whole.subarray(range.offset, range.offset + range.length);
      if (content.length <= maxBytes) return Buffer.from(content);
      const data = { path, maxBytes };
      throw new AppError('path-invalid', `${path} is larger than ${maxBytes} bytes.`, data);
    },
  };
  return { files, calls };
}

export type FakeVolumes = ReturnType<typeof fakeVolumes>;
