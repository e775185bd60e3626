import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '#contract/errors.ts';
import { remoteError } from '#engine/hypervisor/libvirt-error.ts';
import { domainRef, events, procedures } from '#engine/hypervisor/procedures.ts';
import { typedParameters } from '#engine/hypervisor/typed-parameters.ts';
import {
  decodeXdr,
  encodeXdr,
  hyper,
  int,
  list,
  maxStringBytes,
  optional,
  string,
  uhyper,
  uint,
  type Codec,
} from '#engine/hypervisor/xdr.ts';

const protocolError = expect.objectContaining({ code: 'libvirt-protocol' });
const uint32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

describe('XDR', () => {
  it.each([
    ['int', int, -2, 'fffffffe'],
    ['uint', uint, 0xfffffffe, 'fffffffe'],
    ['hyper', hyper, -3, 'fffffffffffffffd'],
    ['uhyper', uhyper, 2 ** 40, '0000010000000000'],
    ['string with padding', string, 'hello', '0000000568656c6c6f000000'],
    ['string of several bytes a letter', string, 'é', '00000002c3a90000'],
    ['nothing', optional(string), null, '00000000'],
    ['something', optional(int), 7, '0000000100000007'],
    ['list', list(int, 3), [1, 2], '000000020000000100000002'],
  ] as [string, Codec<unknown>, unknown, string][])(
    'writes and reads %s',
    (_, codec, value, hex) => {
      expect(encodeXdr(codec, value).toString('hex')).toBe(hex);
      expect(decodeXdr(codec, Buffer.from(hex, 'hex'))).toEqual(value);
    },
  );

  it('holds 64-bit values no number can carry to the nearest safe one', () => {
    expect(decodeXdr(uhyper, Buffer.alloc(8, 0xff))).toBe(Number.MAX_SAFE_INTEGER);
    expect(decodeXdr(hyper, Buffer.from('8000000000000000', 'hex'))).toBe(Number.MIN_SAFE_INTEGER);
  });

  it('takes a text at its limit and refuses one past it, before looking at the bytes', () => {
    const text = 'x'.repeat(maxStringBytes);
    expect(decodeXdr(string, encodeXdr(string, text))).toBe(text);
    expect(() => encodeXdr(string, `${text}x`)).toThrow(
      expect.objectContaining({ code: 'invalid-input' }),
    );
    expect(() => decodeXdr(string, uint32(maxStringBytes + 1))).toThrow(/longer than its limit/);
  });

  it('takes a list at its limit and refuses one past it', () => {
    expect(decodeXdr(list(int, 2), Buffer.concat([uint32(2), Buffer.alloc(8)]))).toEqual([0, 0]);
    expect(() => decodeXdr(list(int, 2), Buffer.concat([uint32(3), Buffer.alloc(12)]))).toThrow(
      /longer than its limit/,
    );
  });

  it('refuses a count that its message cannot hold without making room for it', () => {
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 100; i += 1) {
      expect(() => decodeXdr(list(int, 0xffff_ffff), uint32(0xffff_ffff))).toThrow(protocolError);
    }
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(32 * 1024 * 1024);
  });

  it('refuses what is left over', () => {
    expect(() => decodeXdr(int, Buffer.alloc(8))).toThrow(protocolError);
  });

  it('reads back every parameter it writes', () => {
    const codec = typedParameters(64);
    const value = fc.oneof(fc.nat(), fc.boolean(), fc.string({ maxLength: 40 }));
    const entries = fc.uniqueArray(fc.tuple(fc.string({ maxLength: 20 }), value), {
      maxLength: 64,
      selector: ([name]) => name,
    });
    fc.assert(
      fc.property(entries, (given) => {
        const map = new Map(given);
        expect(decodeXdr(codec, encodeXdr(codec, map))).toEqual(map);
      }),
    );
  });

  it('answers any bytes with a value or a protocol error, nothing else', () => {
    const codecs: Codec<unknown>[] = [
      ...Object.values(procedures).flatMap(({ args, result }) => [args, result]),
      ...Object.values(events).map(({ message }) => message as unknown as Codec<unknown>),
      remoteError,
    ];
    fc.assert(
      fc.property(fc.constantFrom(...codecs), fc.uint8Array({ maxLength: 200 }), (codec, bytes) => {
        try {
          decodeXdr(codec, Buffer.from(bytes));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(AppError);
          expect(thrown).toMatchObject({ code: 'libvirt-protocol' });
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('notices a message cut short anywhere', () => {
    const dom = { name: 'web', uuid: Buffer.alloc(16, 7), id: 3 };
    const whole = encodeXdr(domainRef, dom);
    expect(decodeXdr(domainRef, whole)).toEqual(dom);
    for (let length = 0; length < whole.length; length += 1) {
      expect(() => decodeXdr(domainRef, whole.subarray(0, length))).toThrow(protocolError);
    }
  });
});
