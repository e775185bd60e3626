import { describe, expect, it } from 'vitest';
import type { HandshakeMessage } from '#engine/nbd/decode.ts';
import { Negotiation, type Agreement } from '#engine/nbd/negotiate.ts';
import { blockSizeInfo, exportInfo, metaContext } from '../../../fakes/nbd-server.ts';

function negotiate(contexts: readonly string[] = []) {
  const sent: string[] = [];
  const agreements: Agreement[] = [];
  const negotiation = new Negotiation({
    exportName: '',
    contexts,
    send: (bytes) => sent.push(bytes.length === 4 ? 'flags' : `option ${bytes.readUInt32BE(8)}`),
    agreed: (agreement) => agreements.push(agreement),
  });
  const answer = (option: number, type: number, payload: Buffer = Buffer.alloc(0)) =>
    negotiation.receive({ kind: 'option-reply', option, type, payload });
  return { negotiation, sent, agreements, answer };
}

const hello: HandshakeMessage = { kind: 'greeting', flags: 3 };
const withCode = (code: string): unknown => expect.objectContaining({ code });

describe('negotiation', () => {
  it('asks for structured replies, contexts and the export, in this order', () => {
    const { negotiation, sent, agreements, answer } = negotiate(['base:allocation', 'qemu:x']);
    negotiation.receive(hello);
    answer(8, 1);
    answer(10, 4, metaContext(12, 'base:allocation'));
    answer(10, 1);
    answer(7, 3, exportInfo(10 * 2 ** 40, 0b11));
    answer(7, 3, blockSizeInfo(512, 65536, 0xffffffff));
    answer(7, 3, Buffer.from('0001unknown kinds are skipped'));
    answer(7, 1);
    expect(sent).toEqual(['flags', 'option 8', 'option 10', 'option 7']);
    expect(agreements).toEqual([
      {
        sizeBytes: 10 * 2 ** 40,
        flags: 0b11,
        structured: true,
        contexts: new Map([[12, 'base:allocation']]),
        blockSize: { minimum: 512, preferred: 65536, maximum: 0xffffffff },
      },
    ]);
  });

  it('goes on without structured replies, then without contexts', () => {
    const { negotiation, sent, agreements, answer } = negotiate(['base:allocation']);
    negotiation.receive(hello);
    answer(8, 0x80000001);
    answer(7, 3, exportInfo(512, 1));
    answer(7, 1);
    expect(sent).toEqual(['flags', 'option 8', 'option 7']);
    expect(agreements[0]).toMatchObject({ structured: false, contexts: new Map() });
  });

  it('goes on without contexts when the server will not tell them', () => {
    const { negotiation, agreements, answer } = negotiate(['base:allocation']);
    negotiation.receive(hello);
    answer(8, 1);
    answer(10, 4, metaContext(12, 'base:allocation'));
    answer(10, 0x80000003);
    answer(7, 3, exportInfo(512, 1));
    answer(7, 1);
    expect(agreements[0]?.contexts).toEqual(new Map());
  });

  it.each([1, 2, 3, 4, 5, 6, 8, 9, 99])(
    'says nbd-option when the export is refused (%i)',
    (error) => {
      const { negotiation, answer } = negotiate();
      negotiation.receive(hello);
      answer(8, 1);
      expect(() => answer(7, 0x80000000 + error, Buffer.from('words'))).toThrow(
        withCode('nbd-option'),
      );
    },
  );

  it('says that a server is shutting down', () => {
    const { negotiation, answer } = negotiate();
    negotiation.receive(hello);
    expect(() => answer(8, 0x80000007)).toThrow(withCode('nbd-connection-lost'));
  });

  it.each([
    [
      'does not speak fixed newstyle',
      () => negotiate().negotiation.receive({ kind: 'greeting', flags: 0 }),
    ],
    ['answers what was not asked', () => greeted().answer(7, 1)],
    ['answers with a type that does not fit', () => greeted().answer(8, 3)],
    [
      'grants a context nobody asked for',
      () => structured().answer(10, 4, metaContext(1, 'evil:x')),
    ],
    ['sends a context without a name', () => structured().answer(10, 4, Buffer.alloc(4))],
    ['tells no size', () => going().answer(7, 1)],
    ['tells a size beyond 2^53', () => going().answer(7, 3, exportInfo(2n ** 63n, 1))],
    ['tells a size in a wrong length', () => going().answer(7, 3, Buffer.alloc(11))],
    ['has a smallest block of 3', () => going().answer(7, 3, blockSizeInfo(3, 4096, 4096))],
    [
      'has a smallest block of 128 KiB',
      () => going().answer(7, 3, blockSizeInfo(131072, 131072, 2 ** 25)),
    ],
    [
      'prefers less than the smallest',
      () => going().answer(7, 3, blockSizeInfo(4096, 512, 2 ** 25)),
    ],
    ['has a largest below the preferred', () => going().answer(7, 3, blockSizeInfo(1, 4096, 512))],
    [
      'never stops informing',
      () => {
        const { answer } = going();
        for (let i = 0; i < 300; i += 1) answer(7, 3, Buffer.from([0, 9]));
      },
    ],
    [
      'sends an export without flags',
      () => {
        const { answer } = going();
        answer(7, 3, exportInfo(512, 0));
        answer(7, 1);
      },
    ],
  ])('ends with a server that %s', (_, run) => {
    expect(run).toThrow(withCode('nbd-protocol'));
  });
});

function greeted() {
  const all = negotiate(['base:allocation']);
  all.negotiation.receive(hello);
  return all;
}

function structured() {
  const all = greeted();
  all.answer(8, 1);
  return all;
}

function going() {
  const all = structured();
  all.answer(10, 1);
  return all;
}
