/**
 * Who may talk to the loopback server. It assumes hostile neighbours: other users of this computer,
 * and web pages of anyone in the same browser (DNS rebinding, cross-site requests). All decisions
 * are pure functions over headers; the server only obeys them.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

const tokenBytes = 32;

/** A new secret for this start, 256 bits, safe in an address. */
export function newToken(): string {
  return randomBytes(tokenBytes).toString('base64url');
}

/** Compares in constant time; hashing first hides the length too. */
export function sameToken(given: string, token: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(token));
}

/** The token of `Authorization: Bearer …`; an empty text when there is none. */
export function bearer(headers: IncomingHttpHeaders): string {
  return /^Bearer ([\w-]{1,128})$/.exec(headers.authorization ?? '')?.[1] ?? '';
}

export function allowedHosts(port: number): readonly string[] {
  return [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`];
}

export interface Denial {
  readonly status: 403 | 405 | 415;
  readonly why: string;
}

export interface RequestHead {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly upgrade: boolean;
}

/** What is wrong with a request before anyone looks at its token; null when nothing is. */
export function deny(request: RequestHead, port: number): Denial | null {
  const { method, headers, upgrade } = request;
  const host = headers.host ?? '';
  if (!allowedHosts(port).includes(host)) return { status: 403, why: 'Host' };
  const reads = (method === 'GET' || method === 'HEAD') && !upgrade;
  if (crossSite(headers, reads)) return { status: 403, why: 'Sec-Fetch-Site' };
  if (reads) return null;
  if (headers.origin !== `http://${host}`) return { status: 403, why: 'Origin' };
  if (upgrade) return method === 'GET' ? null : { status: 405, why: 'method' };
  if (method !== 'POST') return { status: 405, why: 'method' };
  if (!isJson(headers)) return { status: 415, why: 'Content-Type' };
  return null;
}

/**
 * A request another site made. Opening the page itself is let through: the file that opens our
 * window counts as another site, and the page without its token shows nothing.
 */
function crossSite(headers: IncomingHttpHeaders, reads: boolean): boolean {
  if (headers['sec-fetch-site'] !== 'cross-site') return false;
  const opensPage =
    headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
  return !(reads && opensPage);
}

function isJson(headers: IncomingHttpHeaders): boolean {
  return /^application\/json\s*(;|$)/i.test(headers['content-type'] ?? '');
}

/** Wrong tokens answered within the window before the answer becomes "too many". */
export const maxFailures = 20;
export const failureWindowMs = 60_000;

export interface Throttle {
  /** Notes one wrong token; true when there were too many lately. */
  failed(): boolean;
}

/** Counts wrong tokens only: whoever has the right one is never locked out by a neighbour. */
export function createThrottle(now: () => number): Throttle {
  let failures: number[] = [];
  return {
    failed() {
      const at = now();
      failures = failures.filter((earlier) => at - earlier < failureWindowMs);
      if (failures.length >= maxFailures) return true;
      failures.push(at);
      return false;
    },
  };
}
