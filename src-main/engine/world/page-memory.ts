/**
 * Memory that begins at the edge of a page, as O_DIRECT wants it (open(2)): V8 takes memory that
 * may grow from the system page by page, any other from malloc. The second argument is ES2024,
 * which the project's types do not have yet.
 */
export function pageMemory(bytes: number): SharedArrayBuffer {
  const Growable = SharedArrayBuffer as unknown as new (
    bytes: number,
    options: { readonly maxByteLength: number },
  ) => SharedArrayBuffer;
  return new Growable(bytes, { maxByteLength: bytes });
}
