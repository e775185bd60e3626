/**
 * What was asked and not yet answered. It is the decoder's handler: it knows for every cookie where
 * data belongs, checks that a read's pieces lie inside it, do not overlap and in the end cover it,
 * and settles each request once. Throws nbd-protocol for what no request explains, and
 * nbd-connection-lost when the server says that it is shutting down.
 */
import type { AppError } from '#contract/errors.ts';
import { command, maxReplyPieces, shutdownError, type Command } from './constants.ts';
import type { ReplyHandler, StatusDescriptor } from './decode.ts';
import { connectionLost, protocolError, requestError } from './errors.ts';

/** One request as it goes out. */
export interface Request {
  readonly command: Command;
  readonly offset: number;
  readonly length: number;
  /** Where a read's bytes go: exactly `length` long. */
  readonly target?: Uint8Array;
  /** What a write writes: exactly `length` long, not to be changed until answered. */
  readonly data?: Uint8Array;
}

/** Block status by context id; empty for every other command. */
export type Answer = ReadonlyMap<number, readonly StatusDescriptor[]>;

interface Pending {
  readonly request: Request;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: AppError) => void;
  readonly pieces: Pieces;
  readonly status: Map<number, readonly StatusDescriptor[]>;
  error: AppError | null;
}

const nothing: Answer = new Map();

const words: Readonly<Record<Command, string>> = {
  [command.read]: 'read',
  [command.write]: 'write',
  [command.disconnect]: 'disconnect',
  [command.flush]: 'flush',
  [command.writeZeroes]: 'zero',
  [command.blockStatus]: 'query',
};

export function describeRequest(request: Request) {
  const { offset, length } = request;
  return { command: words[request.command], offset, length };
}

export class RequestTable implements ReplyHandler {
  readonly #pending = new Map<number, Pending>();
  readonly #structured: boolean;
  readonly #contextIds: ReadonlySet<number>;
  readonly #onSettled: () => void;
  #lastCookie = 0;
  #bytes = 0;

  constructor(structured: boolean, contextIds: Iterable<number>, onSettled: () => void) {
    this.#structured = structured;
    this.#contextIds = new Set(contextIds);
    this.#onSettled = onSettled;
  }

  get count(): number {
    return this.#pending.size;
  }

  /** Bytes of all requests in flight. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes note of a request and returns its cookie. */
  add(request: Request, resolve: Pending['resolve'], reject: Pending['reject']): number {
    do this.#lastCookie = (this.#lastCookie + 1) >>> 0;
    while (this.#pending.has(this.#lastCookie));
    this.#pending.set(this.#lastCookie, {
      request,
      resolve,
      reject,
      pieces: new Pieces(request.offset, request.length),
      status: new Map(),
      error: null,
    });
    this.#bytes += request.length;
    return this.#lastCookie;
  }

  /** Every waiter gets this error; nothing is left. */
  failAll(error: AppError): void {
    const waiters = [...this.#pending.values()];
    this.#pending.clear();
    this.#bytes = 0;
    for (const { reject } of waiters) reject(error);
  }

  simple(cookie: number, errno: number): Uint8Array | null {
    const pending = this.#find(cookie);
    if (errno !== 0) {
      this.failed(cookie, errno, '', null);
      return null;
    }
    const { request, pieces } = pending;
    if (request.command !== command.read) return null;
    if (this.#structured || request.target === undefined) {
      throw protocolError('it answered a read with a simple reply after agreeing not to');
    }
    pieces.add(request.offset, request.length);
    return request.target;
  }

  data(cookie: number, offset: number, length: number): Uint8Array {
    return this.#piece(cookie, offset, length);
  }

  hole(cookie: number, offset: number, length: number): void {
    this.#piece(cookie, offset, length).fill(0);
  }

  #piece(cookie: number, offset: number, length: number): Uint8Array {
    const { request, pieces } = this.#find(cookie);
    if (request.target === undefined) throw protocolError('it sent data that was not asked for');
    pieces.add(offset, length);
    const start = offset - request.offset;
    return request.target.subarray(start, start + length);
  }

  status(cookie: number, contextId: number, extents: readonly StatusDescriptor[]): void {
    const pending = this.#find(cookie);
    if (pending.request.command !== command.blockStatus) {
      throw protocolError('it sent block status that was not asked for');
    }
    if (!this.#contextIds.has(contextId)) throw protocolError('it names an unknown context');
    if (pending.status.has(contextId)) throw protocolError('it told one context twice');
    pending.status.set(contextId, extents);
  }

  failed(cookie: number, errno: number, message: string, offset: number | null): void {
    const pending = this.#find(cookie);
    if (errno === shutdownError) throw connectionLost('the server is shutting down');
    const { request } = pending;
    const { offset: start, length } = request;
    if (offset !== null && (offset < start || offset > start + length)) {
      throw protocolError('an error names a place outside its request', { offset });
    }
    pending.error ??= requestError(describeRequest(request), errno, message, offset);
  }

  done(cookie: number): void {
    const pending = this.#find(cookie);
    const { request, error } = pending;
    if (error === null) this.#check(pending);
    this.#pending.delete(cookie);
    this.#bytes -= request.length;
    if (error !== null) pending.reject(error);
    else pending.resolve(request.command === command.blockStatus ? pending.status : nothing);
    this.#onSettled();
  }

  #check({ request, pieces, status }: Pending): void {
    if (request.command === command.read && !pieces.complete) {
      throw protocolError('a read came back with parts missing', describeRequest(request));
    }
    if (request.command === command.blockStatus && status.size !== this.#contextIds.size) {
      throw protocolError('a block status lacks a context', describeRequest(request));
    }
  }

  #find(cookie: number): Pending {
    const pending = this.#pending.get(cookie);
    if (pending === undefined) throw protocolError('a reply answers no request of ours');
    return pending;
  }
}

/** Which parts of a range have arrived, in whatever order. */
class Pieces {
  readonly #start: number;
  readonly #end: number;
  readonly #parts: { start: number; end: number }[] = []; // sorted, never touching

  constructor(offset: number, length: number) {
    this.#start = offset;
    this.#end = offset + length;
  }

  get complete(): boolean {
    const first = this.#parts[0];
    return first?.start === this.#start && first.end === this.#end;
  }

  add(start: number, length: number): void {
    const end = start + length;
    if (start < this.#start || end > this.#end) {
      throw protocolError('a piece lies outside its read', { offset: start, length });
    }
    const parts = this.#parts;
    let at = parts.length; // the first part after this piece; nearly always none
    while (at > 0 && (parts[at - 1]?.start ?? 0) >= start) at -= 1;
    const before = parts[at - 1];
    const after = parts[at];
    const overlaps = (before?.end ?? start) > start || (after?.start ?? end) < end;
    if (overlaps) throw protocolError('two pieces of a read overlap', { offset: start, length });
    const joinsBefore = before?.end === start;
    const joinsAfter = after?.start === end;
    if (joinsBefore && joinsAfter) {
      before.end = after.end;
      parts.splice(at, 1);
    } else if (joinsBefore) before.end = end;
    else if (joinsAfter) after.start = start;
    else parts.splice(at, 0, { start, end });
    if (parts.length > maxReplyPieces) {
      throw protocolError('a read comes in too many pieces', { maxReplyPieces });
    }
  }
}
