import { createHash } from 'node:crypto';

/** The contract takes ids of 256 characters; a bitmap's name may have 1023 (facts C8). */
const maxIdLength = 200;

/** Names one thing of a kind the same way every time, however long its parts are. */
export function stableId(kind: string, ...parts: readonly string[]): string {
  const id = [kind, ...parts].join(':');
  if (id.length <= maxIdLength) return id;
  const digest = createHash('sha256').update(id).digest('hex').slice(0, 32);
  return `${id.slice(0, maxIdLength - digest.length - 1)}-${digest}`;
}
