/**
 * The lease: one writer at a time. `locks/writer-NNNNNN` is created exclusively and the highest
 * number owns it. Taking over creates the next number, releasing marks the file free, and no file
 * with the highest number is ever removed, so two writers cannot both believe they own it.
 *
 * An owner rewrites its file every `beatMs`. It is stale when its process is dead (same boot, same
 * pid namespace) or when its content stayed the same for `staleMs` on our own clock.
 */
import { AppError, hasCode } from '#contract/errors.ts';
import type { World } from '#engine/world/world.ts';
import type { LeaseOwner } from './repository.ts';
import type { Storage } from './storage.ts';

export const beatMs = 15_000;
export const staleMs = 90_000;
const watchMs = 2_000;
/** Lower-numbered files kept, so that a slow reader of the folder still sees who came after it. */
const keptFiles = 4;
const maxLockBytes = 16 * 1024;
const maxAttempts = 100;
const numberDigits = 6;

/** Where a process lives, as far as "is it dead?" can be answered. */
interface Place {
  readonly bootId: string;
  readonly pidSpace: string;
  readonly pid: number;
  /** Clock ticks from boot to the start of the process: tells a reused pid. */
  readonly started: string;
}

interface LockFile extends LeaseOwner, Place {
  readonly state: 'held' | 'free';
  readonly beat: number;
  /** Unique to one holding of the lease. */
  readonly token: string;
}

export interface Lease {
  /** Throws `repository-lease-lost` or `repository-unavailable` unless it is still ours. */
  check(): Promise<void>;
  /** Marks it free; never throws, because a lease not freed only becomes stale. */
  release(): Promise<void>;
}

interface Highest {
  readonly number: number;
  readonly content: Buffer | null;
}

/**
 * Tokens of the leases this process holds. A lock that names this process but is not among them was
 * let go while its folder could not be written, so it is free.
 */
const ownTokens = new Set<string>();

/** Takes the lease, waiting up to `staleMs` only when its owner may be dead. `repository-busy`. */
export async function takeLease(
  world: World,
  storage: Storage,
  owner: LeaseOwner,
  signal?: AbortSignal,
): Promise<Lease> {
  const place = await currentPlace(world);
  const token = world.ids.bytes(16).toString('hex');
  const file: LockFile = { ...owner, ...place, state: 'held', beat: 0, token };
  ownTokens.add(token); // before the file can be seen
  try {
    return await tryTake(world, storage, file, signal);
  } catch (thrown) {
    ownTokens.delete(token);
    throw thrown;
  }
}

async function tryTake(
  world: World,
  storage: Storage,
  file: LockFile,
  signal?: AbortSignal,
): Promise<Lease> {
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const highest = await readHighest(storage);
    if (!(await mayTake(world, storage, highest, file, signal))) continue;
    const number = highest.number + 1;
    if (!(await storage.putIfAbsent(lockName(number), encode(file)))) continue;
    // A reader with an old listing may have re-created a removed number: only the highest counts.
    if ((await readHighest(storage)).number !== number) {
      await storage.delete(lockName(number));
      continue;
    }
    await removeOld(storage, number);
    return new HeldLease(world, storage, number, file);
  }
  throw new AppError('repository-busy', 'Other writers keep taking the repository.', {});
}

async function mayTake(
  world: World,
  storage: Storage,
  highest: Highest,
  place: Place,
  signal?: AbortSignal,
): Promise<boolean> {
  if (highest.content === null) return true;
  const held = decode(highest.content);
  if (held?.state === 'free') return true;
  const sameSpace = held?.bootId === place.bootId && held.pidSpace === place.pidSpace;
  if (held !== null && sameSpace) {
    const letGo = held.pid === place.pid && !ownTokens.has(held.token);
    if (!letGo && (await processLives(world, held))) throw busy(held);
    return true;
  }
  return watchUnchanged(world, storage, highest, signal);
}

/** True when it stayed the same for `staleMs`; busy as soon as it changes. */
async function watchUnchanged(
  world: World,
  storage: Storage,
  highest: Highest,
  signal?: AbortSignal,
): Promise<boolean> {
  const since = world.clock.monotonic();
  while (world.clock.monotonic() - since < staleMs) {
    await world.clock.sleep(watchMs, signal);
    const now = await readHighest(storage);
    if (now.number !== highest.number) return false;
    if (now.content !== null && highest.content?.equals(now.content) !== true) {
      const held = decode(now.content);
      if (held?.state === 'held') throw busy(held);
      return false;
    }
  }
  return true;
}

function busy({ installation, what, pid }: LockFile): AppError {
  return new AppError('repository-busy', `The repository is in use: ${what}.`, {
    owner: { installation, what, pid },
    unharmed: 'Nothing was changed.',
    advice: 'Wait until it is done, then try again.',
  });
}

async function readHighest(storage: Storage): Promise<Highest> {
  const numbers = (await storage.list('locks')).flatMap((name) => {
    const match = /^writer-(\d{6,15})$/.exec(name);
    return match?.[1] === undefined ? [] : [Number(match[1])];
  });
  const number = Math.max(0, ...numbers);
  if (number === 0) return { number, content: null };
  try {
    return { number, content: await storage.get(lockName(number), maxLockBytes) };
  } catch (thrown) {
    if (!hasCode(thrown, 'path-not-found')) throw thrown;
    return { number, content: null }; // only lower numbers are removed: a higher one exists now
  }
}

async function removeOld(storage: Storage, own: number): Promise<void> {
  for (const name of await storage.list('locks')) {
    const match = /^writer-(\d{6,15})$/.exec(name);
    const number = Number(match?.[1] ?? own);
    if (number < own - keptFiles) await storage.delete(`locks/${name}`);
  }
}

function lockName(number: number): string {
  return `locks/writer-${String(number).padStart(numberDigits, '0')}`;
}

function encode(file: LockFile): Buffer {
  return Buffer.from(`${JSON.stringify(file)}\n`);
}

/** Null for content that is no lock: it is then only judged by whether it changes. */
function decode(content: Buffer): LockFile | null {
  try {
    const value = JSON.parse(content.toString('utf8')) as LockFile;
    const known = value.state === 'held' || value.state === 'free';
    return known && Number.isSafeInteger(value.pid) ? value : null;
  } catch {
    return null;
  }
}

async function currentPlace(world: World): Promise<Place> {
  const pid = world.processes.pid;
  return {
    bootId: await readText(world, '/proc/sys/kernel/random/boot_id'),
    pidSpace: await pidSpace(world),
    pid,
    started: await startTime(world, pid),
  };
}

async function processLives(world: World, held: LockFile): Promise<boolean> {
  if (!world.processes.alive(held.pid)) return false;
  const started = await startTime(world, held.pid);
  return started === '' || held.started === '' || started === held.started;
}

/** The inode of the pid namespace: a pid of another container says nothing here. */
async function pidSpace(world: World): Promise<string> {
  try {
    const file = await world.files.open('/proc/self/ns/pid', 'read');
    try {
      return String((await file.stat()).inode);
    } finally {
      await file.close();
    }
  } catch (thrown) {
    world.log.warn('The pid namespace could not be read.', { thrown: String(thrown) });
    return `unknown-${world.ids.bytes(8).toString('hex')}`; // never equal: falls back to watching
  }
}

/** Field 22 of /proc/PID/stat (man 5 proc); '' when it cannot be read. */
async function startTime(world: World, pid: number): Promise<string> {
  const stat = await readText(world, `/proc/${pid}/stat`);
  const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return afterName[19] ?? '';
}

async function readText(world: World, path: string): Promise<string> {
  try {
    return (await world.files.read(path, maxLockBytes)).toString('utf8').trim();
  } catch (thrown) {
    if (hasCode(thrown, 'path-not-found', 'permission-denied', 'file-failed')) return '';
    throw thrown;
  }
}

class HeldLease implements Lease {
  readonly #world: World;
  readonly #storage: Storage;
  readonly #number: number;
  #file: LockFile;
  #stopTimer: () => void = () => undefined;
  #beating: Promise<void> = Promise.resolve();
  #lastBeatMs: number;
  #released = false;

  constructor(world: World, storage: Storage, number: number, file: LockFile) {
    this.#world = world;
    this.#storage = storage;
    this.#number = number;
    this.#file = file;
    this.#lastBeatMs = world.clock.monotonic();
    this.#schedule();
  }

  #schedule(): void {
    this.#stopTimer = this.#world.clock.timer(beatMs, () => {
      this.#beating = this.#beat();
    });
  }

  async #beat(): Promise<void> {
    if (this.#released) return;
    try {
      await this.check();
      this.#file = { ...this.#file, beat: this.#file.beat + 1 };
      await this.#storage.put(lockName(this.#number), encode(this.#file));
      this.#lastBeatMs = this.#world.clock.monotonic();
    } catch (thrown) {
      // The next check decides; a beat that failed once may succeed the next time.
      this.#world.log.warn('The repository lease could not be renewed.', {
        thrown: String(thrown),
      });
    }
    if (!this.#released) this.#schedule();
  }

  async check(): Promise<void> {
    await this.#storage.check();
    const silentMs = this.#world.clock.monotonic() - this.#lastBeatMs;
    const { number, content } = await readHighest(this.#storage);
    const held = content === null ? null : decode(content);
    if (number === this.#number && held?.token === this.#file.token) return;
    throw new AppError('repository-lease-lost', 'Another writer took the repository over.', {
      silentMs: Math.round(silentMs),
      unharmed: 'Every restore point listed before is as it was.',
      advice: 'Run it again; what was stored is reused.',
    });
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    ownTokens.delete(this.#file.token);
    this.#stopTimer();
    await this.#beating;
    try {
      await this.check();
      await this.#storage.put(lockName(this.#number), encode({ ...this.#file, state: 'free' }));
    } catch (thrown) {
      this.#world.log.warn('The repository lease could not be marked free.', {
        thrown: String(thrown),
      });
    }
  }
}
