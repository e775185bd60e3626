/** The disk in every sample repository: data, text that compresses, a hole, a short last block. */
import { noise } from '../fakes/store-fixture.ts';

/** Of a sample made for tests only; it protects nothing. */
export const samplePassword = 'sample password';

export function sampleImage(): Buffer {
  const block = 4096;
  return Buffer.concat([
    noise('sample', 3 * block),
    Buffer.alloc(2 * block, 'Waymark sample text. '),
    Buffer.alloc(130 * block),
    noise('sample end', block + 321),
  ]);
}
