/**
 * A world for tests: a clock turned by hand, names that are the same in every run, a log that can
 * be read. Files and processes are the real ones unless others are given.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Clock } from '#engine/world/clock.ts';
import { realFiles } from '#engine/world/files.ts';
import { encodeUlid, type Ids } from '#engine/world/ids.ts';
import type { Log } from '#engine/world/log.ts';
import { realProcesses } from '#engine/world/processes.ts';
import type { World } from '#engine/world/world.ts';
import { handClock, type HandClock } from './clock.ts';

export interface Logged {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly data?: Record<string, unknown>;
  readonly thrown?: unknown;
  readonly id?: string;
}

export interface FakeWorld extends World {
  readonly clock: HandClock;
  readonly logged: readonly Logged[];
}

/** Everything but the clock can be replaced. */
export function fakeWorld(replace: Partial<Omit<World, 'clock'>> = {}): FakeWorld {
  const clock = handClock();
  const logged: Logged[] = [];
  return {
    clock,
    ids: countedIds(clock),
    files: realFiles,
    processes: realProcesses,
    log: listLog(logged),
    ...replace,
    logged,
  };
}

/** Ids that count: the same in every run, all different, ULIDs in the order they were made. */
function countedIds(clock: Clock, seed = 'waymark'): Ids {
  let count = 0;
  const next = () => {
    count += 1;
    return count;
  };
  return {
    ulid: () => {
      const digits = next().toString(32).padStart(16, '0');
      return encodeUlid(
        clock.now(),
        Uint8Array.from(digits, (digit) => Number.parseInt(digit, 32)),
      );
    },
    uuid: () => `00000000-0000-4000-8000-${next().toString(16).padStart(12, '0')}`,
    mac: () => {
      const hex = next().toString(16).padStart(6, '0');
      return `52:54:00:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}`;
    },
    bytes: (length) => pseudoRandom(`${seed} ${next()}`, length),
  };
}

/** Bytes that look random and are the same for the same seed. */
export function pseudoRandom(seed: string, length: number): Buffer {
  const parts: Buffer[] = [];
  for (let made = 0, part = 0; made < length; part += 1) {
    const bytes = createHash('sha256').update(`${seed} ${part}`).digest();
    parts.push(bytes);
    made += bytes.length;
  }
  return Buffer.concat(parts).subarray(0, length);
}

function listLog(logged: Logged[]): Log {
  return {
    info: (message, data = {}) => logged.push({ level: 'info', message, data }),
    warn: (message, data = {}) => logged.push({ level: 'warn', message, data }),
    error: (message, thrown) => {
      const id = `log-${logged.length + 1}`;
      logged.push({ level: 'error', message, thrown, id });
      return id;
    },
  };
}

/** A new folder that is removed when the test that made it ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'waymark-test-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}
