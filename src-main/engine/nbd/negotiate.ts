/**
 * The client's side of fixed newstyle negotiation, as a value that is given messages and says what
 * to send: structured replies, then the metadata contexts, then NBD_OPT_GO. A server without
 * structured replies still serves reads and writes; it only has no contexts. No socket here.
 */
import {
  clientFlag,
  defaultBlockSize,
  handshakeFlag,
  info,
  maxMinimumBlockBytes,
  maxOptionReplies,
  maxStringBytes,
  option,
  reply,
  replyError,
  replyErrorBit,
  transmissionFlag,
} from './constants.ts';
import type { HandshakeMessage } from './decode.ts';
import { encodeClientFlags, encodeGo, encodeOption, encodeSetMetaContext } from './encode.ts';
import { connectionLost, optionError, protocolError } from './errors.ts';

export interface BlockSize {
  readonly minimum: number;
  readonly preferred: number;
  readonly maximum: number;
}

/** What both sides agreed on. */
export interface Agreement {
  readonly sizeBytes: number;
  readonly flags: number;
  readonly blockSize: BlockSize;
  readonly structured: boolean;
  /** Context ids as the server numbers them on this connection. */
  readonly contexts: ReadonlyMap<number, string>;
}

export interface NegotiationOptions {
  readonly exportName: string;
  readonly contexts: readonly string[];
  send(bytes: Buffer): void;
  agreed(agreement: Agreement): void;
}

/** `receive` throws nbd-option or nbd-protocol; after nbd-option send encodeAbort() and hang up. */
export class Negotiation {
  readonly #options: NegotiationOptions;
  #asked = 0;
  #replies = 0;
  #structured = false;
  readonly #contexts = new Map<number, string>();
  #export: { sizeBytes: number; flags: number } | null = null;
  #blockSize: BlockSize = defaultBlockSize;

  constructor(options: NegotiationOptions) {
    this.#options = options;
  }

  receive(message: HandshakeMessage): void {
    if (message.kind === 'greeting') {
      this.#greet(message.flags);
      return;
    }
    if (message.option !== this.#asked) {
      throw protocolError('it answered an option that was not asked', { option: message.option });
    }
    this.#replies += 1;
    if (this.#replies > maxOptionReplies) {
      throw protocolError('it answers one option without end', { maxOptionReplies });
    }
    if (message.type === replyError.shutdown) throw connectionLost('it is shutting down');
    if (this.#asked === option.structuredReply) this.#onStructured(message.type);
    else if (this.#asked === option.setMetaContext) this.#onContext(message.type, message.payload);
    else this.#onGo(message.type, message.payload);
  }

  #greet(flags: number): void {
    if ((flags & handshakeFlag.fixedNewstyle) === 0) {
      throw protocolError('it does not speak fixed newstyle');
    }
    const noZeroes = (flags & handshakeFlag.noZeroes) === 0 ? 0 : clientFlag.noZeroes;
    this.#options.send(encodeClientFlags(clientFlag.fixedNewstyle | noZeroes));
    this.#ask(option.structuredReply, encodeOption(option.structuredReply));
  }

  #ask(code: number, bytes: Buffer): void {
    this.#asked = code;
    this.#replies = 0;
    this.#options.send(bytes);
  }

  #onStructured(type: number): void {
    this.#structured = type === reply.ack;
    if (!this.#structured && !isError(type)) throw unexpected(type);
    const { exportName, contexts } = this.#options;
    if (this.#structured && contexts.length > 0) {
      this.#ask(option.setMetaContext, encodeSetMetaContext(exportName, contexts));
    } else {
      this.#go();
    }
  }

  #onContext(type: number, payload: Buffer): void {
    if (type === reply.metaContext) {
      if (payload.length < 5) throw protocolError('a metadata context is too short');
      const name = payload.toString('utf8', 4);
      // A server may only grant what was asked; anything else would be extents we cannot read.
      if (!this.#options.contexts.includes(name)) {
        throw protocolError('it granted a metadata context that was not asked for', {
          name: name.slice(0, maxStringBytes),
        });
      }
      this.#contexts.set(payload.readUInt32BE(0), name);
      return;
    }
    if (type === replyError.unknown) throw this.#refused(type, payload);
    if (isError(type)) this.#contexts.clear();
    else if (type !== reply.ack) throw unexpected(type);
    this.#go();
  }

  #go(): void {
    this.#ask(option.go, encodeGo(this.#options.exportName));
  }

  #onGo(type: number, payload: Buffer): void {
    if (type === reply.info) this.#onInfo(payload);
    else if (type === reply.ack) this.#agree();
    else if (isError(type)) throw this.#refused(type, payload);
    else throw unexpected(type);
  }

  #onInfo(payload: Buffer): void {
    if (payload.length < 2) throw protocolError('an information item is too short');
    const kind = payload.readUInt16BE(0);
    if (kind === info.export) {
      if (payload.length !== 12) throw protocolError('the export information has a wrong length');
      const size = payload.readBigUInt64BE(2);
      if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw protocolError('the disk is too large');
      this.#export = { sizeBytes: Number(size), flags: payload.readUInt16BE(10) };
    } else if (kind === info.blockSize) {
      this.#blockSize = readBlockSize(payload);
    }
  }

  #agree(): void {
    if (this.#export === null) throw protocolError('it did not tell the size of the disk');
    if ((this.#export.flags & transmissionFlag.hasFlags) === 0) {
      throw protocolError('it sent no flags with the export');
    }
    this.#options.agreed({
      ...this.#export,
      blockSize: this.#blockSize,
      structured: this.#structured,
      contexts: this.#contexts,
    });
  }

  #refused(type: number, payload: Buffer): Error {
    const { exportName } = this.#options;
    const words = payload.toString('utf8', 0, Math.min(payload.length, maxStringBytes));
    const why = refusals.get(type) ?? 'it gave an unknown reason';
    return optionError(`${why}${words === '' ? '' : ` (${words})`}`, {
      exportName,
      reply: type,
      serverWords: words,
    });
  }
}

const refusals: ReadonlyMap<number, string> = new Map([
  [replyError.unsupported, 'it is too old and does not know NBD_OPT_GO'],
  [replyError.policy, 'its policy forbids this export'],
  [replyError.invalid, 'it calls the request invalid'],
  [replyError.platform, 'its platform does not support this'],
  [replyError.tlsRequired, 'it demands TLS'],
  [replyError.unknown, 'it has no export of this name'],
  [replyError.blockSizeRequired, 'it demands a block size'],
  [replyError.tooBig, 'it calls the request too big'],
]);

function isError(type: number): boolean {
  return type >= replyErrorBit;
}

function unexpected(type: number): Error {
  return protocolError('it answered an option with an unexpected type', { type });
}

function readBlockSize(payload: Buffer): BlockSize {
  if (payload.length !== 14) throw protocolError('the block sizes have a wrong length');
  const minimum = payload.readUInt32BE(2);
  const preferred = payload.readUInt32BE(6);
  const maximum = payload.readUInt32BE(10);
  const sensible =
    isPowerOfTwo(minimum) &&
    minimum <= maxMinimumBlockBytes &&
    isPowerOfTwo(preferred) &&
    preferred >= minimum &&
    maximum >= preferred;
  if (!sensible) {
    throw protocolError('its block sizes make no sense', { minimum, preferred, maximum });
  }
  return { minimum, preferred, maximum };
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && Number.isInteger(Math.log2(value));
}
