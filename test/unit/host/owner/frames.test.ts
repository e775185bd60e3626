import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createFrameDecoder,
  encodeFrame,
  maxCallBytes,
} from '../../../../src-main/host/owner/frames.ts';

describe('frames', () => {
  it('brings back any messages, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue(), { maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 20 }),
        (messages, cuts) => {
          const bytes = Buffer.concat(messages.map((one) => encodeFrame(one, maxCallBytes)));
          const decoder = createFrameDecoder(maxCallBytes);
          const got: unknown[] = [];
          let at = 0;
          for (let n = 0; at < bytes.length; n += 1) {
            const next = at + (cuts[n % cuts.length] ?? 1);
            got.push(...decoder.push(bytes.subarray(at, next)));
            at = next;
          }
          // JSON has no -0: compare as JSON does.
          expect(JSON.stringify(got)).toBe(JSON.stringify(messages));
        },
      ),
    );
  });

  it('takes a message at its limit and refuses one byte more, on both sides', () => {
    const limit = 64;
    const fits = 'x'.repeat(limit - 2);
    expect(createFrameDecoder(limit).push(encodeFrame(fits, limit))).toEqual([fits]);
    expect(() => encodeFrame(`${fits}x`, limit)).toThrow(
      expect.objectContaining({ code: 'invalid-input' }),
    );
    expect(() => createFrameDecoder(limit).push(encodeFrame(`${fits}x`, limit + 1))).toThrow(
      expect.objectContaining({ code: 'invalid-input', data: { bytes: 65, maxBytes: 64 } }),
    );
  });

  it('refuses a hostile length before it keeps any of it', () => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(0xffff_ffff);
    expect(() => createFrameDecoder(maxCallBytes).push(head)).toThrow(
      expect.objectContaining({ code: 'invalid-input' }),
    );
  });

  it('refuses what is not JSON', () => {
    const frame = Buffer.from('\0\0\0\u0003abc', 'latin1');
    expect(() => createFrameDecoder(maxCallBytes).push(frame)).toThrow(
      expect.objectContaining({ code: 'invalid-input' }),
    );
  });
});
