import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AppError } from '#contract/errors.ts';
import { maxOptionReplyBytes, maxReplyBytes } from '#engine/nbd/constants.ts';
import {
  feed,
  HandshakeDecoder,
  ReplyDecoder,
  type HandshakeMessage,
  type Intake,
} from '#engine/nbd/decode.ts';
import {
  chunk,
  dataChunk,
  endChunk,
  errorChunk,
  exportInfo,
  greeting,
  holeChunk,
  optionReply,
  simpleReply,
  statusChunk,
} from '../../../fakes/nbd-server.ts';

/** Writes down what the decoder says; every request is a read of simpleBytes[cookie] bytes. */
function recorder(simpleBytes: Readonly<Record<number, number>> = {}) {
  const events: string[] = [];
  const targets: { name: string; bytes: Buffer }[] = [];
  const target = (name: string, length: number) => {
    const bytes = Buffer.alloc(length);
    targets.push({ name, bytes });
    return bytes;
  };
  const decoder = new ReplyDecoder({
    simple: (cookie, errno) => {
      events.push(`simple ${cookie} ${errno}`);
      const length = simpleBytes[cookie];
      return length === undefined || errno !== 0 ? null : target(`simple ${cookie}`, length);
    },
    data: (cookie, offset, length) => {
      events.push(`data ${cookie} ${offset} ${length}`);
      return target(`data ${cookie} ${offset}`, length);
    },
    hole: (cookie, offset, length) => events.push(`hole ${cookie} ${offset} ${length}`),
    status: (cookie, id, extents) =>
      events.push(
        `status ${cookie} ${id} ${extents.map((e) => [e.length, e.flags].join(':')).join()}`,
      ),
    failed: (cookie, errno, message, offset) =>
      events.push(`failed ${cookie} ${errno} ${message} ${offset}`),
    done: (cookie) => events.push(`done ${cookie}`),
  });
  const told = () => ({
    events,
    data: targets.map(({ name, bytes }) => `${name}: ${bytes.toString('hex')}`),
  });
  return { decoder, told };
}

function feedInPieces(intake: Intake, bytes: Buffer, sizes: readonly number[]): void {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn += 1) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? 1);
    feed(intake, bytes.subarray(at, at + size));
    at += size;
  }
}

const protocolError: unknown = expect.objectContaining({ code: 'nbd-protocol' });
const conversation = Buffer.concat([
  dataChunk(1, 4096, Buffer.from('first')),
  simpleReply(9),
  holeChunk(2, 0, 512, true),
  dataChunk(1, 2 ** 40, Buffer.from('x'), true),
  statusChunk(3, 7, [
    [65536, 0],
    [0xffffffff, 3],
  ]),
  simpleReply(5, 0, Buffer.from('simple data, longer than a header')),
  endChunk(3),
  errorChunk(4, 5, 'it broke', 8192, false),
  errorChunk(4, 28, ''),
  simpleReply(6, 22),
]);
const heard = {
  events: [
    'data 1 4096 5',
    'simple 9 0',
    'done 9',
    'hole 2 0 512',
    'done 2',
    'data 1 1099511627776 1',
    'done 1',
    'status 3 7 65536:0,4294967295:3',
    'simple 5 0',
    'done 5',
    'done 3',
    'failed 4 5 it broke 8192',
    'failed 4 28  null',
    'done 4',
    'simple 6 22',
    'done 6',
  ],
  data: [
    `data 1 4096: ${Buffer.from('first').toString('hex')}`,
    `data 1 1099511627776: ${Buffer.from('x').toString('hex')}`,
    `simple 5: ${Buffer.from('simple data, longer than a header').toString('hex')}`,
  ],
};

describe('replies', () => {
  it('are understood one byte at a time', () => {
    const { decoder, told } = recorder({ 5: 33 });
    feedInPieces(decoder, conversation, [1]);
    expect(told()).toEqual(heard);
  });

  it('are understood the same in pieces of any size', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }), (sizes) => {
        const { decoder, told } = recorder({ 5: 33 });
        feedInPieces(decoder, conversation, sizes);
        expect(told()).toEqual(heard);
      }),
    );
  });

  it('bring data to the start of its own place, with nothing in between', () => {
    const place = Buffer.alloc(100_000);
    const nothing = () => undefined;
    const decoder = new ReplyDecoder({
      simple: () => null,
      data: () => place,
      hole: nothing,
      status: nothing,
      failed: nothing,
      done: nothing,
    });
    const bytes = dataChunk(1, 0, place, true);
    feed(decoder, bytes.subarray(0, 28));
    expect(decoder.target().buffer).toBe(place.buffer);
    expect(decoder.target()).toHaveLength(place.length);
    feed(decoder, bytes.subarray(28, 1028));
    expect(decoder.target().byteOffset).toBe(place.byteOffset + 1000);
  });

  it.each([
    ['a wrong magic number', Buffer.from('66'.repeat(20), 'hex')],
    ['a cookie of more than 32 bits', chunk(2 ** 40, 0, true, Buffer.alloc(0))],
    ['an end that is not marked as one', chunk(1, 0, false, Buffer.alloc(0))],
    ['an end with a payload', chunk(1, 0, true, Buffer.alloc(1))],
    ['an unknown type', chunk(1, 77, true, Buffer.alloc(4))],
    ['data without a byte', dataChunk(1, 0, Buffer.alloc(0))],
    ['a hole of the wrong length', chunk(1, 2, true, Buffer.alloc(13))],
    ['an empty hole', holeChunk(1, 0, 0)],
    ['a status without extents', chunk(1, 5, true, Buffer.alloc(4))],
    ['a status of an odd length', chunk(1, 5, true, Buffer.alloc(13))],
    ['an empty extent', statusChunk(1, 0, [[0, 0]])],
    ['an error too short', chunk(1, 0x8001, true, Buffer.alloc(5))],
    [
      'an error whose words end outside',
      chunk(1, 0x8001, true, Buffer.from('00000005ffff00', 'hex')),
    ],
    ['an error offset that is cut off', chunk(1, 0x8002, true, Buffer.from('000000050000', 'hex'))],
  ])('with %s end the conversation', (_, bytes) => {
    const { decoder } = recorder();
    // Bytes follow, as they would: a hole's length is only known with them.
    expect(() => feed(decoder, Buffer.concat([bytes, Buffer.alloc(40)]))).toThrow(protocolError);
  });

  it('with an unknown error type count as errors', () => {
    const { decoder, told } = recorder();
    feed(decoder, chunk(1, 0x8fff, true, Buffer.from('000000050002686900ff', 'hex')));
    expect(told().events).toEqual(['failed 1 5 hi null', 'done 1']);
  });

  it('may be as long as the limit and not a byte longer', () => {
    const head = (length: number) => {
      const bytes = chunk(1, 5, true, Buffer.alloc(0));
      bytes.writeUInt32BE(length, 16);
      return bytes;
    };
    expect(() => feed(recorder().decoder, head(maxReplyBytes))).not.toThrow();
    expect(() => feed(recorder().decoder, head(maxReplyBytes + 1))).toThrow(protocolError);
  });

  it('of random bytes never do anything but throw nbd-protocol', () => {
    const magics = fc
      .constantFrom('668e33ef', '67446698', '')
      .map((hex) => Buffer.from(hex, 'hex'));
    const part = fc.tuple(magics, fc.uint8Array({ maxLength: 64 }));
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
        const { decoder } = recorder();
        try {
          feed(decoder, Buffer.concat(parts.flat()));
        } catch (thrown) {
          expect((thrown as AppError).code).toBe('nbd-protocol');
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('the handshake', () => {
  const bytes = Buffer.concat([
    greeting(3),
    optionReply(8, 1),
    optionReply(7, 3, exportInfo(2n ** 40n, 1)),
    optionReply(7, 0x80000006, Buffer.from('no such export')),
  ]);
  const messages = [
    { kind: 'greeting', flags: 3 },
    { kind: 'option-reply', option: 8, type: 1, payload: Buffer.alloc(0) },
    { kind: 'option-reply', option: 7, type: 3, payload: exportInfo(2n ** 40n, 1) },
    { kind: 'option-reply', option: 7, type: 0x80000006, payload: Buffer.from('no such export') },
  ];

  it('is understood in pieces of any size', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sizes) => {
        const found: HandshakeMessage[] = [];
        feedInPieces(new HandshakeDecoder((message) => found.push(message)), bytes, sizes);
        expect(found).toEqual(messages);
      }),
    );
  });

  it('ends with a server that is none, or speaks only oldstyle', () => {
    const decoder = () => new HandshakeDecoder(() => undefined);
    expect(() => feed(decoder(), Buffer.from('SSH-2.0-OpenSSH_9.2'))).toThrow(protocolError);
    const oldstyle = Buffer.from('4e42444d4147494300420281861253000000', 'hex');
    expect(() => feed(decoder(), oldstyle)).toThrow(protocolError);
  });

  it('takes option replies up to the limit and refuses one byte more', () => {
    const reply = (length: number) => {
      const head = optionReply(7, 3);
      head.writeUInt32BE(length, 16);
      return Buffer.concat([greeting(), head]);
    };
    const decoder = () => new HandshakeDecoder(() => undefined);
    expect(() => feed(decoder(), reply(maxOptionReplyBytes))).not.toThrow();
    expect(() => feed(decoder(), reply(maxOptionReplyBytes + 1))).toThrow(protocolError);
  });

  it('of random bytes never does anything but throw nbd-protocol', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (random, polite) => {
        try {
          const decoder = new HandshakeDecoder(() => undefined);
          feed(decoder, polite ? Buffer.concat([greeting(), random]) : random);
        } catch (thrown) {
          expect((thrown as AppError).code).toBe('nbd-protocol');
        }
      }),
    );
  });
});
