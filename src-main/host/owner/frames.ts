/**
 * Messages on the owner socket: four bytes of length, big endian, then that many bytes of JSON. The
 * decoder is pure, takes bytes in any portions and refuses a length beyond its limit before it
 * keeps a byte of it.
 */
import { AppError } from '#contract/errors.ts';

const headBytes = 4;
/** A call: the longest legal one is a list of a thousand ids. */
export const maxCallBytes = 1024 * 1024;
/** A reply or event: tens of thousands of restore points. */
export const maxReplyBytes = 64 * 1024 * 1024;

/** One message as bytes; throws `invalid-input` beyond the limit. */
export function encodeFrame(message: unknown, maxBytes: number): Buffer {
  const body = Buffer.from(JSON.stringify(message), 'utf8');
  if (body.length > maxBytes) throw tooLarge(body.length, maxBytes);
  const frame = Buffer.allocUnsafe(headBytes + body.length);
  frame.writeUInt32BE(body.length, 0);
  body.copy(frame, headBytes);
  return frame;
}

function tooLarge(bytes: number, maxBytes: number): AppError {
  return new AppError('invalid-input', `A message of ${bytes} bytes is beyond ${maxBytes}.`, {
    bytes,
    maxBytes,
  });
}

export interface FrameDecoder {
  /** The messages that are complete now; throws `invalid-input` for what is not a message. */
  push(bytes: Buffer): readonly unknown[];
}

export function createFrameDecoder(maxBytes: number): FrameDecoder {
  let parts: Buffer[] = [];
  let held = 0;

  function take(length: number): Buffer {
    const all = parts.length === 1 ? (parts[0] ?? Buffer.alloc(0)) : Buffer.concat(parts);
    parts = [all.subarray(length)];
    held -= length;
    return all.subarray(0, length);
  }

  let expected: number | null = null;
  return {
    push(bytes) {
      parts.push(bytes);
      held += bytes.length;
      const messages: unknown[] = [];
      for (;;) {
        if (expected === null) {
          if (held < headBytes) return messages;
          expected = take(headBytes).readUInt32BE(0);
          if (expected > maxBytes) throw tooLarge(expected, maxBytes);
        }
        if (held < expected) return messages;
        messages.push(parse(take(expected)));
        expected = null;
      }
    },
  };
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (thrown) {
    throw new AppError('invalid-input', 'A message is not JSON.', {}, thrown);
  }
}
