/**
 * A worker thread: hashes blocks, then compresses and seals those the main thread asks for, and the
 * way back. It keeps a batch's bytes between the two steps so that they cross only once, and frees
 * buffers at once instead of waiting for its garbage collector, which keeps memory flat.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { decodeBlock, encodeInto, maxPayloadBytes } from './block-codec.ts';
import { blockId, blockKind, deriveKeys, idBytes, PayloadDamage } from './crypto.ts';
import { freeNow } from './free-now.ts';
import type { FromWorker, ToWorker, WorkerSetup } from './workers.ts';

const setup = workerData as WorkerSetup;
const masterKey = setup.masterKey === null ? null : Buffer.from(setup.masterKey);
const keys = deriveKeys(masterKey, setup.repositoryId);
const { blockSizeBytes, compressionLevel } = setup;
const zeros = Buffer.alloc(blockSizeBytes);
const held = new Map<number, { bytes: Buffer; ids: Uint8Array }>();

function answer(message: FromWorker, transfer: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, [...transfer]);
}

function hash(job: number, input: ArrayBuffer): void {
  const bytes = Buffer.from(input);
  const count = Math.ceil(bytes.length / blockSizeBytes);
  const ids = new Uint8Array(count * idBytes);
  const data = new Uint8Array(count);
  for (let i = 0; i < count; i += 1) {
    const block = bytes.subarray(i * blockSizeBytes, (i + 1) * blockSizeBytes);
    if (zeros.compare(block, 0, block.length, 0, block.length) === 0) continue;
    data[i] = 1;
    ids.set(blockId(keys, blockKind.data, block), i * idBytes);
  }
  held.set(job, { bytes, ids: ids.slice() });
  answer({ kind: 'hashed', job, ids, data }, [ids.buffer, data.buffer]);
}

/** Room for payloads while a batch is encoded; reused, then the used part is copied out. */
let room = Buffer.allocUnsafeSlow(0);

function encode(job: number, wanted: Uint32Array): void {
  const batch = held.get(job);
  if (batch === undefined) throw new Error('encode before hash');
  held.delete(job);
  const need = maxPayloadBytes(keys, blockSizeBytes) * wanted.length;
  if (room.length < need) room = Buffer.allocUnsafeSlow(need);
  const lengths = new Uint32Array(wanted.length);
  let at = 0;
  for (const [i, block] of wanted.entries()) {
    const plaintext = batch.bytes.subarray(block * blockSizeBytes, (block + 1) * blockSizeBytes);
    const id = batch.ids.subarray(block * idBytes, (block + 1) * idBytes);
    const source = { id, plaintext, level: compressionLevel };
    lengths[i] = encodeInto(keys, blockKind.data, source, room, at);
    at += lengths[i] ?? 0;
  }
  freeNow(batch.bytes.buffer);
  const out = new Uint8Array(at);
  out.set(room.subarray(0, at));
  answer({ kind: 'encoded', job, bytes: out.buffer, lengths }, [out.buffer, lengths.buffer]);
}

function drop(job: number): void {
  const batch = held.get(job);
  held.delete(job);
  if (batch !== undefined) freeNow(batch.bytes.buffer);
}

function decode({ job, bytes, ids, places, outBytes }: ToWorker & { kind: 'decode' }): void {
  const payloads = Buffer.from(bytes);
  const out = new Uint8Array(outBytes);
  const reasons: (string | null)[] = [];
  for (let i = 0, at = 0; i * 3 < places.length; i += 1) {
    const offset = places[i * 3] ?? 0;
    const length = places[i * 3 + 1] ?? 0;
    const plainBytes = places[i * 3 + 2] ?? 0;
    const id = ids.subarray(i * idBytes, (i + 1) * idBytes);
    reasons.push(decodeOne(id, payloads.subarray(offset, offset + length), plainBytes, out, at));
    at += plainBytes;
  }
  freeNow(bytes);
  answer({ kind: 'decoded', job, bytes: out.buffer, reasons }, [out.buffer]);
}

/** Null, or why it is damaged; then its place in `out` stays zero. */
function decodeOne(
  id: Uint8Array,
  payload: Uint8Array,
  plainBytes: number,
  out: Uint8Array,
  at: number,
): string | null {
  try {
    const plaintext = decodeBlock(keys, blockKind.data, id, payload, plainBytes);
    if (plaintext.length !== plainBytes) return 'it has another length';
    out.set(plaintext, at);
    return null;
  } catch (thrown) {
    if (thrown instanceof PayloadDamage) return thrown.message;
    throw thrown;
  }
}

/** For verify: proves payloads without handing their plaintext over. */
function prove({ job, bytes, ids, places }: ToWorker & { kind: 'prove' }): void {
  const payloads = Buffer.from(bytes);
  const reasons: (string | null)[] = [];
  for (let i = 0; i * 3 < places.length; i += 1) {
    const offset = places[i * 3] ?? 0;
    const length = places[i * 3 + 1] ?? 0;
    const kind = places[i * 3 + 2] === blockKind.node ? blockKind.node : blockKind.data;
    const id = ids.subarray(i * idBytes, (i + 1) * idBytes);
    try {
      decodeBlock(keys, kind, id, payloads.subarray(offset, offset + length), setup.maxPlainBytes);
      reasons.push(null);
    } catch (thrown) {
      if (!(thrown instanceof PayloadDamage)) throw thrown;
      reasons.push(thrown.message);
    }
  }
  freeNow(bytes);
  answer({ kind: 'proven', job, reasons });
}

parentPort?.on('message', (message: ToWorker) => {
  try {
    switch (message.kind) {
      case 'hash':
        hash(message.job, message.bytes);
        return;
      case 'encode':
        encode(message.job, message.wanted);
        return;
      case 'drop':
        drop(message.job);
        return;
      case 'decode':
        decode(message);
        return;
      case 'prove':
        prove(message);
        return;
    }
  } catch (thrown) {
    answer({ kind: 'failed', job: message.job, reason: String(thrown) });
  }
});
