import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock } from './clock.ts';

/** Where names that must be unique come from. */
export interface Ids {
  /** 26 characters of Crockford base32, sortable by time (github.com/ulid/spec). */
  ulid(): string;
  uuid(): string;
  /** A locally administered address in QEMU's range, 52:54:00:xx:xx:xx. */
  mac(): string;
  bytes(length: number): Buffer;
}

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const timeLength = 10;
const randomLength = 16;

export function systemIds(clock: Clock): Ids {
  return {
    ulid: () => encodeUlid(clock.now(), randomBytes(randomLength)),
    uuid: () => randomUUID(),
    mac: () => {
      const tail = [...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, '0'));
      return ['52', '54', '00', ...tail].join(':');
    },
    bytes: (length) => randomBytes(length),
  };
}

/** A ULID from epoch milliseconds and 16 random bytes, of which five bits each are used. */
export function encodeUlid(timeMs: number, random: Uint8Array): string {
  let time = '';
  let rest = timeMs;
  for (let i = 0; i < timeLength; i += 1) {
    time = crockford.charAt(rest % 32) + time;
    rest = Math.floor(rest / 32);
  }
  let tail = '';
  for (let i = 0; i < randomLength; i += 1) tail += crockford.charAt((random[i] ?? 0) % 32);
  return time + tail;
}

/** The epoch milliseconds a ULID begins with; 0 for a text that is none. */
export function ulidTime(ulid: string): number {
  let time = 0;
  for (const character of ulid.slice(0, timeLength).toUpperCase()) {
    const digit = crockford.indexOf(character);
    if (digit < 0) return 0;
    time = time * 32 + digit;
  }
  return time;
}
