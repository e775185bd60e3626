/**
 * Key slots: each file in `keys/` holds the master key under one secret, stretched by scrypt. The
 * password and the recovery code are slots of their own; either opens the repository.
 */
import { createCipheriv, createDecipheriv, scrypt } from 'node:crypto';
import { AppError } from '#contract/errors.ts';
import type { Ids } from '#engine/world/ids.ts';
import { keyBytes, nonceBytes, tagBytes } from './crypto.ts';
import { formatRecoveryCode, parseRecoveryCode, recoveryBytes } from './recovery-code.ts';
import type { Storage } from './storage.ts';

export const slotFormat = 1;
export const scryptCost = { n: 2 ** 17, r: 8, p: 1 } as const;
/** Bounds on what a slot file may make us spend: 128·N·r bytes of memory, p lanes. */
export const maxScryptBytes = 256 * 1024 * 1024;
export const maxScryptLanes = 4;
export const maxSlots = 16;
const maxSlotFileBytes = 4096;
const saltBytes = 32;

export type SlotKind = 'password' | 'recovery';

export interface Cost {
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

interface Slot {
  readonly kind: SlotKind;
  readonly cost: Cost;
  readonly salt: Buffer;
  readonly nonce: Buffer;
  /** The master key, encrypted, with its tag. */
  readonly sealed: Buffer;
}

function stretch(secret: Buffer, salt: Buffer, { n, r, p }: Cost): Promise<Buffer> {
  // Node's default refuses N = 2^17; a fixed margin on top of the 128·N·r·(p) that scrypt takes.
  const maxmem = 128 * n * r + 128 * r * p + 32 * 1024 * 1024;
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, keyBytes, { N: n, r, p, maxmem }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

/** Ties a slot to its repository, kind and cost: none can be changed without the tag failing. */
function slotData(repositoryId: string, slot: Omit<Slot, 'nonce' | 'sealed'>): Buffer {
  const { kind, cost, salt } = slot;
  const fields = ['waymark key', slotFormat, repositoryId, kind, cost.n, cost.r, cost.p];
  return Buffer.from(JSON.stringify([...fields, salt.toString('hex')]));
}

async function sealSlot(
  repositoryId: string,
  kind: SlotKind,
  secret: Buffer,
  masterKey: Buffer,
  { ids, cost }: { ids: Ids; cost: Cost },
): Promise<Slot> {
  const salt = ids.bytes(saltBytes);
  const nonce = ids.bytes(nonceBytes);
  const key = await stretch(secret, salt, cost);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(slotData(repositoryId, { kind, cost, salt }));
  const sealed = Buffer.concat([cipher.update(masterKey), cipher.final(), cipher.getAuthTag()]);
  return { kind, cost, salt, nonce, sealed };
}

/** The master key, or null when the secret is not this slot's. */
async function openSlot(repositoryId: string, slot: Slot, secret: Buffer): Promise<Buffer | null> {
  const key = await stretch(secret, slot.salt, slot.cost);
  const cipher = createDecipheriv('aes-256-gcm', key, slot.nonce, { authTagLength: tagBytes });
  cipher.setAAD(slotData(repositoryId, slot));
  cipher.setAuthTag(slot.sealed.subarray(keyBytes));
  const opened = cipher.update(slot.sealed.subarray(0, keyBytes));
  try {
    cipher.final();
    return opened;
  } catch {
    return null;
  }
}

function encodeSlot({ kind, cost, salt, nonce, sealed }: Slot): Buffer {
  const value = {
    what: 'waymark key',
    format: slotFormat,
    kind,
    scrypt: cost,
    salt: salt.toString('hex'),
    nonce: nonce.toString('hex'),
    sealed: sealed.toString('hex'),
  };
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

/** A slot within bounds, or null for a file that is none: one bad slot must not hide the others. */
export function decodeSlot(bytes: Buffer): Slot | null {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
    if (value['what'] !== 'waymark key' || value['format'] !== slotFormat) return null;
  } catch {
    return null;
  }
  const kind = value['kind'];
  if (kind !== 'password' && kind !== 'recovery') return null;
  const cost = decodeCost(value['scrypt']);
  const salt = fromHex(value['salt'], 16, 64);
  const nonce = fromHex(value['nonce'], nonceBytes, nonceBytes);
  const sealed = fromHex(value['sealed'], keyBytes + tagBytes, keyBytes + tagBytes);
  if (cost === null || salt === null || nonce === null || sealed === null) return null;
  return { kind, cost, salt, nonce, sealed };
}

function decodeCost(value: unknown): Cost | null {
  if (typeof value !== 'object' || value === null) return null;
  const { n, r, p } = value as Record<string, unknown>;
  if (![n, r, p].every((one) => Number.isSafeInteger(one) && (one as number) > 0)) return null;
  const cost = { n, r, p } as Cost;
  const powerOfTwo = cost.n > 1 && Math.log2(cost.n) % 1 === 0;
  if (!powerOfTwo || cost.p > maxScryptLanes) return null;
  return 128 * cost.n * cost.r <= maxScryptBytes ? cost : null;
}

function fromHex(value: unknown, minBytes: number, maxBytes: number): Buffer | null {
  if (typeof value !== 'string' || !/^([0-9a-f]{2})*$/.test(value)) return null;
  const bytes = Buffer.from(value, 'hex');
  return bytes.length >= minBytes && bytes.length <= maxBytes ? bytes : null;
}

/** The slots of one repository. */
export class KeyRing {
  readonly #storage: Storage;
  readonly #ids: Ids;
  readonly #repositoryId: string;
  readonly #cost: Cost;

  constructor(storage: Storage, ids: Ids, repositoryId: string, cost: Cost = scryptCost) {
    this.#storage = storage;
    this.#ids = ids;
    this.#repositoryId = repositoryId;
    this.#cost = cost;
  }

  /** Stores the password's slot and one for a new recovery code, which it returns. */
  async create(masterKey: Buffer, password: string): Promise<string> {
    const code = this.#ids.bytes(recoveryBytes);
    await this.#add('recovery', code, masterKey);
    await this.#add('password', passwordBytes(password), masterKey);
    return formatRecoveryCode(code);
  }

  /** The master key for a password or recovery code as typed. Throws wrong-password. */
  async open(typed: string): Promise<Buffer> {
    return (await this.#find(typed)).masterKey;
  }

  /** Replaces the password's slots; opened by the old password or the recovery code. */
  async changePassword(typed: string, next: string): Promise<void> {
    const { masterKey } = await this.#find(typed);
    const before = await this.#slots();
    await this.#add('password', passwordBytes(next), masterKey);
    for (const { name, slot } of before) {
      if (slot.kind === 'password') await this.#storage.delete(name);
    }
  }

  async #add(kind: SlotKind, secret: Buffer, masterKey: Buffer): Promise<void> {
    const made = { ids: this.#ids, cost: this.#cost };
    const slot = await sealSlot(this.#repositoryId, kind, secret, masterKey, made);
    await this.#storage.putIfAbsent(`keys/${this.#ids.ulid()}.json`, encodeSlot(slot));
  }

  async #slots(): Promise<{ name: string; slot: Slot }[]> {
    const found: { name: string; slot: Slot }[] = [];
    for (const file of (await this.#storage.list('keys')).slice(0, maxSlots)) {
      const name = `keys/${file}`;
      const slot = decodeSlot(await this.#storage.get(name, maxSlotFileBytes));
      if (slot !== null) found.push({ name, slot });
    }
    if (found.length > 0) return found;
    throw new AppError('repository-damaged', 'The repository has no key that can be read.', {
      unharmed: 'Its blocks are as they were.',
      advice: 'Bring the keys folder back from a copy, or open it with a remembered key.',
    });
  }

  async #find(typed: string): Promise<{ masterKey: Buffer }> {
    const parsed = parseRecoveryCode(typed);
    for (const { slot } of await this.#slots()) {
      const secret = slot.kind === 'password' ? passwordBytes(typed) : codeOf(parsed);
      if (secret === null) continue;
      const masterKey = await openSlot(this.#repositoryId, slot, secret);
      if (masterKey !== null) return { masterKey };
    }
    const lines = parsed.kind === 'mistyped' ? [...parsed.lines] : [];
    const hint =
      lines.length === 0
        ? 'Check the password, or use the recovery code.'
        : `Check line ${lines.join(' and ')} of the recovery code.`;
    throw new AppError('wrong-password', 'This password or recovery code does not open it.', {
      lines,
      unharmed: 'Nothing was changed.',
      advice: hint,
    });
  }
}

/** The same password typed on two keyboards must give the same bytes. */
function passwordBytes(password: string): Buffer {
  return Buffer.from(password.normalize('NFKC'), 'utf8');
}

function codeOf(parsed: ReturnType<typeof parseRecoveryCode>): Buffer | null {
  return parsed.kind === 'code' ? parsed.secret : null;
}
