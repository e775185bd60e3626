import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBlock, encodeBlock } from '#engine/store/block-codec.ts';
import { blockId, blockKind, deriveKeys, PayloadDamage } from '#engine/store/crypto.ts';
import { checks, selfTest } from '#engine/store/self-test.ts';

const master = Buffer.alloc(32, 7);
const sealed = deriveKeys(master, 'repository-1');
const open = deriveKeys(null, 'repository-1');

describe('ids', () => {
  it('depend on key, repository and kind; without a key they are plain SHA-256', () => {
    const bytes = Buffer.from('content');
    const ids = [
      blockId(sealed, blockKind.data, bytes),
      blockId(sealed, blockKind.node, bytes),
      blockId(deriveKeys(master, 'repository-2'), blockKind.data, bytes),
      blockId(deriveKeys(Buffer.alloc(32, 8), 'repository-1'), blockKind.data, bytes),
      blockId(open, blockKind.data, bytes),
    ].map((id) => id.toString('hex'));
    expect(new Set(ids).size).toBe(ids.length);
    const expected = createHash('sha256')
      .update(Buffer.from([1]))
      .update(bytes)
      .digest('hex');
    expect(ids[4]).toBe(expected);
  });
});

describe.each([
  ['encrypted', sealed],
  ['plain', open],
])('a payload, %s', (_name, keys) => {
  const encode = (bytes: Uint8Array) => {
    const id = blockId(keys, blockKind.data, bytes);
    return { id, payload: encodeBlock(keys, blockKind.data, id, bytes) };
  };

  it('comes back, compressed only where that helps', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 5000 }), (bytes) => {
        const { id, payload } = encode(bytes);
        expect(payload.length).toBeLessThanOrEqual(bytes.length + 29);
        const back = decodeBlock(keys, blockKind.data, id, payload, bytes.length);
        expect(Buffer.from(back).equals(Buffer.from(bytes))).toBe(true);
      }),
    );
    expect(encode(Buffer.alloc(4096, 'x')).payload.length).toBeLessThan(100);
  });

  it('is refused with any byte changed, cut, or read as another block or kind', () => {
    const { id, payload } = encode(Buffer.concat([randomBytes(300), Buffer.alloc(300, 'y')]));
    const other = blockId(keys, blockKind.data, Buffer.from('other'));
    const read = (from: Buffer, asId: Buffer, kind: 1 | 2 | 3 = 1) =>
      decodeBlock(keys, kind, asId, from, 600);
    for (let at = 0; at < payload.length; at += 1) {
      const bad = Buffer.from(payload);
      bad[at] = (bad[at] ?? 0) ^ 1;
      expect(() => read(bad, id), `byte ${at}`).toThrow(PayloadDamage);
    }
    for (const length of [0, 1, 20, payload.length - 1]) {
      expect(() => read(payload.subarray(0, length), id)).toThrow(PayloadDamage);
    }
    expect(() => read(payload, other)).toThrow(PayloadDamage);
    expect(() => read(payload, id, 2)).toThrow(PayloadDamage);
  });

  it('never makes more than a block, whatever it claims to hold', () => {
    const { id, payload } = encode(Buffer.alloc(8 * 1024 * 1024));
    expect(() => decodeBlock(keys, blockKind.data, id, payload, 4096)).toThrow(PayloadDamage);
  });
});

it('the same block sealed twice differs: the nonce is new each time', () => {
  const bytes = Buffer.from('same');
  const id = blockId(sealed, blockKind.data, bytes);
  const twice = [1, 2].map(() => encodeBlock(sealed, blockKind.data, id, bytes).toString('hex'));
  expect(twice[0]).not.toBe(twice[1]);
});

describe('self-test', () => {
  it('passes here', () => {
    expect(() => {
      selfTest([...checks]);
    }).not.toThrow();
  });

  it.each(checks.map((check) => [check.name, check] as const))(
    'names %s when it fails',
    (name, check) => {
      const data = { primitive: name };
      const wrong = [{ ...check, run: () => '00' }];
      const unsupported = () => {
        throw new Error('not supported');
      };
      const broken = [{ ...check, run: unsupported }];
      for (const list of [wrong, broken]) {
        expect(() => {
          selfTest(list);
        }).toThrow(
          expect.objectContaining({ code: 'unsupported', data: expect.objectContaining(data) }),
        );
      }
    },
  );
});
