/**
 * The memory one batch of blocks needs on its way out of the repository: payloads as read from
 * packs, and plaintexts as workers open them. One batch at a time; then it is used again.
 */
import { pageMemory } from '#engine/world/page-memory.ts';

/** Memory grows in steps, so that batches of nearly the same size use the same. */
const stepBytes = 256 * 1024;

export class ReadLane {
  #payloads = new SharedArrayBuffer(0);
  #plain = new SharedArrayBuffer(0);

  /** At least `bytes`; the same memory as before where that is enough. */
  payloads(bytes: number): SharedArrayBuffer {
    if (this.#payloads.byteLength < bytes) this.#payloads = new SharedArrayBuffer(inSteps(bytes));
    return this.#payloads;
  }

  /** From pageMemory, so that it can be written past the page cache. */
  plain(bytes: number): SharedArrayBuffer {
    if (this.#plain.byteLength < bytes) this.#plain = pageMemory(inSteps(bytes));
    return this.#plain;
  }
}

function inSteps(bytes: number): number {
  return Math.ceil(bytes / stepBytes) * stepBytes;
}
