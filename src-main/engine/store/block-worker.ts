/**
 * A worker thread: hashes blocks, then compresses and seals those the main thread asks for, and the
 * way back. Blocks come and go in memory shared with the main thread, which lends it: nothing that
 * large is allocated here, which keeps memory flat and the garbage collector away.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { decodeBlock, encodeInto, maxPayloadBytes, openBlock } from './block-codec.ts';
import { blockId, blockKind, deriveKeys, idBytes, PayloadDamage } from './crypto.ts';
import { freeNow, freeOutput } from './free-now.ts';
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

function hash({ job, memory, bytes: length }: ToWorker & { kind: 'hash' }): void {
  const bytes = Buffer.from(memory, 0, length);
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

/** Room for payloads while a batch is encoded; they then replace the batch's plaintexts. */
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
  new Uint8Array(batch.bytes.buffer).set(room.subarray(0, at));
  answer({ kind: 'encoded', job, lengths }, [lengths.buffer]);
}

function decode(message: ToWorker & { kind: 'decode' }): void {
  const { job, payloads: memory, ids, places, plain, proof } = message;
  const open = proof === 'seal' && keys.sealed ? openBlock : decodeBlock;
  const payloads = Buffer.from(memory);
  const out = new Uint8Array(plain);
  const reasons: (string | null)[] = [];
  for (let i = 0, at = 0; i * 3 < places.length; i += 1) {
    const offset = places[i * 3] ?? 0;
    const length = places[i * 3 + 1] ?? 0;
    const plainBytes = places[i * 3 + 2] ?? 0;
    const id = ids.subarray(i * idBytes, (i + 1) * idBytes);
    const into = out.subarray(at, at + plainBytes);
    const reason = decodeOne(open, id, payloads.subarray(offset, offset + length), into);
    if (reason !== null) into.fill(0); // the memory was used before
    reasons.push(reason);
    at += plainBytes;
  }
  answer({ kind: 'decoded', job, reasons });
}

/** Fills `into` and returns null, or says why the block is damaged. */
function decodeOne(
  open: typeof openBlock,
  id: Uint8Array,
  payload: Uint8Array,
  into: Uint8Array,
): string | null {
  try {
    const plaintext = open(keys, blockKind.data, id, payload, into.length);
    if (plaintext.length !== into.length) return 'it has another length';
    into.set(plaintext);
    freeOutput(plaintext);
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
      const payload = payloads.subarray(offset, offset + length);
      const plaintext = decodeBlock(keys, kind, id, payload, setup.maxPlainBytes);
      if (plaintext.buffer !== bytes) freeOutput(plaintext);
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
        hash(message);
        return;
      case 'encode':
        encode(message.job, message.wanted);
        return;
      case 'drop':
        held.delete(message.job);
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
