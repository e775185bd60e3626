/**
 * The memory one batch of blocks needs on its way out of the repository: payloads as read from
 * packs, and plaintexts as workers open them. One batch at a time; then it is used again.
 */

/** Memory grows in steps, so that batches of nearly the same size use the same. */
const stepBytes = 256 * 1024;

export class ReadLane {
  #payloads = new SharedArrayBuffer(0);
  #plain = new SharedArrayBuffer(0);

  /** At least `bytes`; the same memory as before where that is enough. */
  payloads(bytes: number): SharedArrayBuffer {
    this.#payloads = atLeast(this.#payloads, bytes);
    return this.#payloads;
  }

  plain(bytes: number): SharedArrayBuffer {
    this.#plain = atLeast(this.#plain, bytes);
    return this.#plain;
  }
}

function atLeast(memory: SharedArrayBuffer, bytes: number): SharedArrayBuffer {
  if (memory.byteLength >= bytes) return memory;
  return new SharedArrayBuffer(Math.ceil(bytes / stepBytes) * stepBytes);
}
