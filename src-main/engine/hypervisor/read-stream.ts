import type { AppError } from '#contract/errors.ts';
import type { RpcStream } from './stream.ts';

/** Everything a stream has; past `maxBytes` it is aborted with the error of `tooLarge`. */
export async function readAll(
  stream: RpcStream,
  maxBytes: number,
  tooLarge: () => AppError,
): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for (;;) {
    const piece = await stream.read();
    if (piece === null) break;
    size += piece.kind === 'data' ? piece.bytes.length : piece.length;
    if (size > maxBytes) {
      await stream.abort();
      throw tooLarge();
    }
    parts.push(piece.kind === 'data' ? piece.bytes : Buffer.alloc(piece.length));
  }
  await stream.finish();
  return Buffer.concat(parts);
}
