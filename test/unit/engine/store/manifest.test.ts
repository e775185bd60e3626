import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeManifest,
  encodeManifest,
  maxDiskBytes,
  maxDisks,
  maxManifestBytes,
  type PointManifest,
} from '#engine/store/manifest.ts';
import { manifest } from '../../../fakes/store-fixture.ts';

const root = { id: 'ab'.repeat(32), sizeBytes: 4096 };
const good: PointManifest = {
  ...manifest('01JZX', [root]),
  definition: { id: '', sizeBytes: 0 },
  firmware: { kind: 'included', root, fileName: 'web_VARS.fd' },
  checkpoint: 'waymark-01JZX',
};
const asJson = (value: unknown) => Buffer.from(JSON.stringify(value));
const codeOf = (bytes: Buffer) => {
  try {
    decodeManifest(bytes);
    return 'no error';
  } catch (thrown) {
    return (thrown as { code: string }).code;
  }
};
const disk = (change: object) => ({ ...good, disks: [{ ...good.disks[0], ...change }] });

describe('a manifest', () => {
  it('comes back as it was, and drops what it does not know', () => {
    expect(decodeManifest(encodeManifest(good))).toEqual(good);
    expect(decodeManifest(asJson({ ...good, surprise: { deep: 1 } }))).toEqual(good);
  });

  it.each([
    ['a path as id', { ...good, id: '../../etc/passwd' }],
    ['a hidden name', { ...good, id: '.hidden' }],
    ['a machine id with a slash', { ...good, machine: { uuid: 'a/b', name: 'x' } }],
    ['a backslash', disk({ target: '..\\x' })],
    ['a control character', disk({ target: 'vd\u0007' })],
    ['a NUL in text', { ...good, installation: 'a\0b' }],
    [
      'an absolute firmware name',
      { ...good, firmware: { kind: 'included', root, fileName: '/x' } },
    ],
    ['a disk beyond 64 TiB', disk({ sizeBytes: maxDiskBytes + 1 })],
    ['a negative size', disk({ sizeBytes: -1 })],
    ['a size that is no number', disk({ sizeBytes: '4096' })],
    ['a fraction of a byte', disk({ readBytes: 0.5 })],
    ['a disk whose content has another size', disk({ sizeBytes: 8192 })],
    ['a root that is no id', disk({ root: { id: 'xyz', sizeBytes: 4096 } })],
    ['upper-case hex', disk({ root: { id: 'AB'.repeat(32), sizeBytes: 4096 } })],
    ['an unknown mode', disk({ mode: 'guess' })],
    ['two disks of one name', { ...good, disks: [good.disks[0], good.disks[0]] }],
    ['too many disks', { ...good, disks: Array.from({ length: maxDisks + 1 }, () => ({})) }],
    ['disks that are no list', { ...good, disks: { length: 1 } }],
    ['an endless name', { ...good, machine: { uuid: 'a', name: 'x'.repeat(257) } }],
    ['an endless time', { ...good, time: Number.MAX_VALUE }],
    ['an old unknown format', { ...good, format: 0 }],
    ['a list', [good]],
    ['null', null],
  ])('is refused for %s', (_why, value) => {
    expect(codeOf(asJson(value))).toBe('manifest-refused');
  });

  it('takes limits and refuses one past them', () => {
    const largest = { id: '', sizeBytes: maxDiskBytes };
    expect(codeOf(asJson(disk({ sizeBytes: maxDiskBytes, root: largest })))).toBe('no error');
    expect(codeOf(asJson(good).subarray(0, -1))).toBe('manifest-damaged');
    expect(codeOf(Buffer.from([0xff, 0xfe]))).toBe('manifest-damaged');
    expect(codeOf(Buffer.alloc(maxManifestBytes + 1, ' '))).toBe('manifest-refused');
    expect(codeOf(asJson({ ...good, format: 2 }))).toBe('repository-too-new');
  });

  it('never gets through with any field replaced by anything, unless it is still in bounds', () => {
    const fields = Object.keys(good);
    fc.assert(
      fc.property(fc.constantFrom(...fields), fc.jsonValue(), (field, value) => {
        const bytes = asJson({ ...good, [field]: value });
        const code = codeOf(bytes);
        if (code === 'no error') expect(encodeManifest(decodeManifest(bytes))).toBeTruthy();
        else expect(['manifest-refused', 'repository-too-new']).toContain(code);
      }),
    );
  });
});
