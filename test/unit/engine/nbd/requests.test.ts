import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '#contract/errors.ts';
import { command, maxReplyPieces } from '#engine/nbd/constants.ts';
import { RequestTable, type Answer, type Request } from '#engine/nbd/requests.ts';

function table(structured = true) {
  const settled: string[] = [];
  const requests = new RequestTable(structured, [7, 8], () => undefined);
  const ask = (request: Request) =>
    requests.add(
      request,
      (answer: Answer) => settled.push(`answered ${[...answer.keys()].join()}`),
      ({ code, data }) => settled.push(`${code} ${JSON.stringify([data['nbdError'], data['at']])}`),
    );
  const read = (offset: number, length: number) => {
    const target = Buffer.alloc(length, 0xee);
    return { target, cookie: ask({ command: command.read, offset, length, target }) };
  };
  return { requests, settled, ask, read };
}

const protocolError: unknown = expect.objectContaining({ code: 'nbd-protocol' });
const extents = [{ length: 512, flags: 0 }];

describe('a read', () => {
  it('is whole when its pieces cover it, in any order, holes and all', () => {
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 999 }), { maxLength: 12 });
    fc.assert(
      fc.property(
        cuts,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 13 }),
        (at, dice) => {
          const { requests, settled, read } = table();
          const { target, cookie } = read(5000, 1000);
          const bounds = [0, ...at.sort((a, b) => a - b), 1000];
          const pieces = bounds.slice(1).map((end, i) => ({ start: bounds[i]!, end, key: 0 }));
          for (const [i, piece] of pieces.entries()) piece.key = dice[i]!;
          for (const { start, end, key } of pieces.sort((a, b) => a.key - b.key)) {
            if (key < 0.3) requests.hole(cookie, 5000 + start, end - start);
            else requests.data(cookie, 5000 + start, end - start).fill(1);
          }
          requests.done(cookie);
          expect(settled).toEqual(['answered ']);
          expect(target.includes(0xee)).toBe(false);
          expect(requests.bytes).toBe(0);
        },
      ),
    );
  });

  it.each([
    ['before it', 4999, 2],
    ['after it', 5999, 2],
    ['over what came', 5100, 200],
    ['over the start of what came', 5000, 101],
    ['again', 5100, 100],
    ['around what came', 5050, 900],
  ])('refuses a piece %s', (_, offset, length) => {
    const { requests, read } = table();
    const { cookie } = read(5000, 1000);
    requests.data(cookie, 5100, 100);
    expect(() => requests.data(cookie, offset, length)).toThrow(protocolError);
  });

  it('is refused with a gap, and in more pieces than the limit', () => {
    const { requests, read } = table();
    const { cookie } = read(0, 10_000);
    for (let i = 0; i < maxReplyPieces; i += 1) requests.data(cookie, i * 2, 1);
    expect(() => requests.done(cookie)).toThrow(protocolError);
    expect(() => requests.data(cookie, 9000, 1)).toThrow(protocolError);
  });

  it('fails with the first error named, after all of its reply came', () => {
    const { requests, settled, read } = table();
    const { cookie } = read(0, 1000);
    requests.failed(cookie, 5, 'bad sector', 512);
    requests.failed(cookie, 28, '', null);
    requests.data(cookie, 0, 512);
    expect(settled).toEqual([]);
    requests.done(cookie);
    expect(settled).toEqual(['nbd-request ["EIO",512]']);
  });

  it('takes an error outside its range for a broken server', () => {
    const { requests, read } = table();
    const { cookie } = read(1000, 1000);
    expect(() => requests.failed(cookie, 5, '', 999)).toThrow(protocolError);
  });

  it('is answered simply only where structured replies were not agreed', () => {
    const simple = table(false);
    const { cookie, target } = simple.read(0, 10);
    expect(simple.requests.simple(cookie, 0)).toBe(target);
    simple.requests.done(cookie);
    expect(simple.settled).toEqual(['answered ']);
    const strict = table(true);
    const other = strict.read(0, 10);
    expect(() => strict.requests.simple(other.cookie, 0)).toThrow(protocolError);
  });
});

describe('the table', () => {
  it('knows no cookie it did not give', () => {
    const { requests, read } = table();
    const { cookie } = read(0, 10);
    for (const call of [
      () => requests.simple(cookie + 1, 0),
      () => requests.data(cookie + 1, 0, 1),
      () => requests.hole(cookie + 1, 0, 1),
      () => requests.status(cookie + 1, 7, extents),
      () => requests.failed(cookie + 1, 5, '', null),
      () => requests.done(cookie + 1),
    ]) {
      expect(call).toThrow(protocolError);
    }
  });

  it('wants every context once and none else', () => {
    const { requests, settled, ask } = table();
    const status = { command: command.blockStatus, offset: 0, length: 512 };
    const first = ask(status);
    requests.status(first, 7, extents);
    expect(() => requests.status(first, 7, extents)).toThrow(protocolError);
    expect(() => requests.status(first, 9, extents)).toThrow(protocolError);
    expect(() => requests.done(first)).toThrow(protocolError);
    requests.status(first, 8, extents);
    requests.done(first);
    expect(settled).toEqual(['answered 7,8']);
    const flush = ask({ command: command.flush, offset: 0, length: 0 });
    expect(() => requests.status(flush, 7, extents)).toThrow(protocolError);
    expect(() => requests.data(flush, 0, 1)).toThrow(protocolError);
  });

  it('tells a server that shuts down from a failed request', () => {
    const { requests, read } = table();
    const { cookie } = read(0, 10);
    expect(() => requests.simple(cookie, 108)).toThrow(
      expect.objectContaining({ code: 'nbd-connection-lost' }),
    );
  });

  it('tells every waiter when all fail', () => {
    const { requests, settled, read } = table();
    read(0, 10);
    read(10, 10);
    requests.failAll(new AppError('cancelled', 'Cancelled.'));
    expect(settled).toEqual(['cancelled [null,null]', 'cancelled [null,null]']);
    expect([requests.count, requests.bytes]).toEqual([0, 0]);
  });
});
