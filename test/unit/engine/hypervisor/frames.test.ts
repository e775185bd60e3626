import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeFrame,
  FrameDecoder,
  headerBytes,
  lengthBytes,
  maxMessageBytes,
  type Frame,
} from '#engine/hypervisor/frames.ts';

const protocolError = expect.objectContaining({ code: 'libvirt-protocol' });
const smallest = lengthBytes + headerBytes;
const largest = lengthBytes + maxMessageBytes;

const frames: fc.Arbitrary<Frame> = fc.record({
  program: fc.integer({ min: 0, max: 0xffff_ffff }),
  version: fc.integer({ min: 0, max: 0xffff_ffff }),
  procedure: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
  type: fc.integer({ min: 0, max: 6 }),
  serial: fc.integer({ min: 0, max: 0xffff_ffff }),
  status: fc.integer({ min: 0, max: 2 }),
  payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
});

function lengthWord(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  return bytes;
}

describe('frames', () => {
  it('has the bytes virnetprotocol.x says', () => {
    const frame = {
      program: 0x20008086,
      version: 1,
      procedure: 66,
      type: 0,
      serial: 5,
      status: 0,
      payload: Buffer.from('abcd'),
    };
    expect(encodeFrame(frame).toString('hex')).toBe(
      '00000020' +
        '20008086' +
        '00000001' +
        '00000042' +
        '00000000' +
        '00000005' +
        '0000000061626364',
    );
  });

  it('reads back what it wrote, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(frames, { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 }),
        (given, cuts) => {
          const bytes = Buffer.concat(given.map(encodeFrame));
          const decoder = new FrameDecoder();
          const read: Frame[] = [];
          for (let offset = 0, turn = 0; offset < bytes.length; turn += 1) {
            const length = cuts[turn % cuts.length]!;
            read.push(...decoder.push(bytes.subarray(offset, offset + length)));
            offset += length;
          }
          expect(read).toEqual(given);
          expect(decoder.heldBytes).toBe(0);
        },
      ),
    );
  });

  it('reads one byte at a time', () => {
    fc.assert(
      fc.property(fc.array(frames, { minLength: 1, maxLength: 3 }), (given) => {
        const decoder = new FrameDecoder();
        const read = [...Buffer.concat(given.map(encodeFrame))].flatMap((byte) =>
          decoder.push(Buffer.of(byte)),
        );
        expect(read).toEqual(given);
      }),
      { numRuns: 30 },
    );
  });

  it('waits for the rest of a cut frame and keeps only what came', () => {
    const bytes = encodeFrame({
      program: 1,
      version: 1,
      procedure: 1,
      type: 1,
      serial: 1,
      status: 0,
      payload: Buffer.alloc(1000),
    });
    const decoder = new FrameDecoder();
    expect(decoder.push(bytes.subarray(0, -1))).toEqual([]);
    expect(decoder.heldBytes).toBe(bytes.length - 1);
    expect(decoder.push(bytes.subarray(-1))).toHaveLength(1);
  });

  it.each([0, 1, smallest - 1, largest + 1, 0xffff_ffff])(
    'refuses a frame that says it has %d bytes, and everything after',
    (length) => {
      const decoder = new FrameDecoder();
      expect(() => decoder.push(lengthWord(length))).toThrow(protocolError);
      expect(decoder.heldBytes).toBe(0);
      expect(() => decoder.push(Buffer.alloc(1))).toThrow(protocolError);
    },
  );

  it.each([smallest, largest])('accepts a length of %d and allocates nothing for it', (length) => {
    const decoder = new FrameDecoder();
    const before = process.memoryUsage().arrayBuffers;
    decoder.push(lengthWord(length));
    expect(decoder.heldBytes).toBe(lengthBytes);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024);
  });

  it('refuses to write what no daemon would read', () => {
    const payload = Buffer.alloc(maxMessageBytes - headerBytes + 1);
    const frame = { program: 1, version: 1, procedure: 1, type: 0, serial: 1, status: 0, payload };
    expect(() => encodeFrame(frame)).toThrow(protocolError);
    expect(encodeFrame({ ...frame, payload: payload.subarray(1) })).toHaveLength(largest);
  });

  it('answers any bytes with frames or a protocol error', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 }), (chunks) => {
        const decoder = new FrameDecoder();
        let given = 0;
        try {
          for (const chunk of chunks) {
            given += chunk.length;
            decoder.push(Buffer.from(chunk));
            expect(decoder.heldBytes).toBeLessThanOrEqual(given);
          }
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'libvirt-protocol' });
        }
      }),
      { numRuns: 500 },
    );
  });
});
