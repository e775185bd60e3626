/**
 * Numbers of the NBD protocol (github.com/NetworkBlockDevice/nbd, doc/proto.md), in the order of
 * that document, then the limits Waymark sets itself. All integers on the wire are big-endian.
 */

// Handshake
export const greetingMagic = 0x4e42444d41474943n; // "NBDMAGIC"
export const optionMagic = 0x49484156454f5054n; // "IHAVEOPT"
export const optionReplyMagic = 0x0003e889045565a9n;
export const greetingBytes = 18;
export const optionHeaderBytes = 16;
export const optionReplyHeaderBytes = 20;

export const handshakeFlag = { fixedNewstyle: 1, noZeroes: 2 } as const;
export const clientFlag = { fixedNewstyle: 1, noZeroes: 2 } as const;

export const option = {
  abort: 2,
  go: 7,
  structuredReply: 8,
  setMetaContext: 10,
} as const;

export const reply = { ack: 1, info: 3, metaContext: 4 } as const;
export const replyErrorBit = 0x80000000;
export const replyError = {
  unsupported: 0x80000001,
  policy: 0x80000002,
  invalid: 0x80000003,
  platform: 0x80000004,
  tlsRequired: 0x80000005,
  unknown: 0x80000006,
  shutdown: 0x80000007,
  blockSizeRequired: 0x80000008,
  tooBig: 0x80000009,
} as const;

export const info = { export: 0, blockSize: 3 } as const;

// Transmission
export const transmissionFlag = {
  hasFlags: 1 << 0,
  readOnly: 1 << 1,
  sendFlush: 1 << 2,
  sendWriteZeroes: 1 << 6,
  canMultiConnect: 1 << 8,
} as const;

export const requestMagic = 0x25609513;
export const simpleReplyMagic = 0x67446698;
export const chunkMagic = 0x668e33ef; // structured reply
export const requestHeaderBytes = 28;
export const simpleReplyBytes = 16;
export const chunkHeaderBytes = 20;

export const command = {
  read: 0,
  write: 1,
  disconnect: 2,
  flush: 3,
  writeZeroes: 6,
  blockStatus: 7,
} as const;
export type Command = (typeof command)[keyof typeof command];

export const chunkFlag = { done: 1 } as const;
export const chunk = {
  none: 0,
  offsetData: 1,
  offsetHole: 2,
  blockStatus: 5,
  error: 0x8001,
  errorOffset: 0x8002,
} as const;
export const chunkErrorBit = 0x8000;

/** Error numbers a server may answer with. Anything else counts as EINVAL. */
export const errorName: Readonly<Record<number, string>> = {
  1: 'EPERM',
  5: 'EIO',
  12: 'ENOMEM',
  22: 'EINVAL',
  28: 'ENOSPC',
  75: 'EOVERFLOW',
  95: 'ENOTSUP',
  108: 'ESHUTDOWN',
};
export const shutdownError = 108;

/** base:allocation: the block is not allocated; the block reads as zeroes. */
export const allocationState = { hole: 1, zero: 2 } as const;
export const allocationContext = 'base:allocation';
/** Contexts qemu:dirty-bitmap:NAME: the block was written since the bitmap began. */
export const dirtyState = 1;

/** Where the server named no block sizes ("Size constraints" in the protocol). */
export const defaultBlockSize = { minimum: 1, preferred: 4096, maximum: 32 * 1024 * 1024 } as const;
export const maxMinimumBlockBytes = 65_536;

// Limits of our own. Each is listed in ARCHITECTURE.md.

/** One option reply; QEMU's longest is a context name of 1 KiB or so. */
export const maxOptionReplyBytes = 64 * 1024;
/** Option replies to one option: contexts and information items. */
export const maxOptionReplies = 256;
/** A name or a message, as the protocol limits strings. */
export const maxStringBytes = 4096;
/** Requests sent and not yet answered, a connection. QEMU stops reading at 16. */
export const maxInFlightRequests = 16;
/** Requests waiting for their turn, a connection; the caller is expected to stay far below. */
export const maxQueuedRequests = 16_384;
/** Data of one read or write request; longer ones are split. */
export const maxRequestBytes = 2 * 1024 * 1024;
/** Reach of one request without data (zeroes), so that none takes longer than a timeout. */
export const maxZeroBytes = 256 * 1024 * 1024;
/** Payload of one reply chunk: the protocol's advice for the most extents in one, 2^20. */
export const maxReplyBytes = 4 + 8 * 1024 * 1024;
/** Pieces of one read that are not yet next to each other. */
export const maxReplyPieces = 1024;
/** Extents one blockStatus() call may collect for one context. */
export const maxExtents = 4 * 1024 * 1024;
/** Longest silence of a server that owes an answer. */
export const defaultTimeoutMs = 60_000;
/** How long close() waits for the server to hang up before it does so itself. */
export const closeTimeoutMs = 2_000;
