/**
 * Gives a buffer's memory back at once instead of when the garbage collector comes by: at hundreds
 * of MiB a second that is the difference between a flat and a sawtooth memory. Nobody may use the
 * buffer afterwards. `transfer` is ES2024, which the project's types do not have yet.
 */
export function freeNow(buffer: ArrayBufferLike): void {
  (buffer as unknown as { transfer: (length: number) => void }).transfer(0);
}

/**
 * The same for what a call of zlib or crypto returned and nobody keeps. Leaves alone what is part
 * of something else: memory shared between threads, and Node's pool of small buffers.
 */
export function freeOutput({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize) freeNow(buffer);
}
