import { describe, expect, it } from 'vitest';
import {
  allowedHosts,
  bearer,
  createThrottle,
  deny,
  failureWindowMs,
  maxFailures,
  newToken,
  sameToken,
} from '../../../../src-main/host/node/auth.ts';

const port = 4711;
const own = `http://127.0.0.1:${port}`;
const post = {
  host: `127.0.0.1:${port}`,
  origin: own,
  'content-type': 'application/json',
} as const;

describe('token', () => {
  it('has 256 bits, is safe in an address, and is another each time', () => {
    const tokens = new Set(Array.from({ length: 100 }, newToken));
    expect(tokens.size).toBe(100);
    for (const token of tokens) {
      expect(token).toMatch(/^[\w-]{43}$/);
      expect(Buffer.from(token, 'base64url')).toHaveLength(32);
    }
  });

  it('is compared whole, whatever the lengths', () => {
    const token = newToken();
    expect(sameToken(token, token)).toBe(true);
    for (const wrong of ['', token.slice(1), `${token}x`, newToken(), token.toUpperCase()]) {
      expect(sameToken(wrong, token)).toBe(false);
    }
  });

  it('comes only as a bearer', () => {
    expect(bearer({ authorization: 'Bearer abc-_1' })).toBe('abc-_1');
    for (const authorization of ['', 'Basic abc', 'bearer abc', 'Bearer', 'Bearer a b', 'abc']) {
      expect(bearer({ authorization })).toBe('');
    }
    expect(bearer({})).toBe('');
  });
});

describe('deny', () => {
  const status = (method: string, headers: object, upgrade = false) =>
    deny({ method, headers: { ...headers }, upgrade }, port)?.status ?? null;

  it('lets our own page in', () => {
    expect(status('GET', { host: post.host })).toBeNull();
    expect(status('POST', post)).toBeNull();
    expect(status('GET', { host: post.host, origin: own }, true)).toBeNull();
    for (const host of allowedHosts(port)) {
      expect(status('POST', { ...post, host, origin: `http://${host}` })).toBeNull();
    }
  });

  it('refuses every other Host: that is DNS rebinding', () => {
    const hosts = [
      `evil.example:${port}`,
      '127.0.0.1',
      'localhost',
      `127.0.0.1:${port + 1}`,
      `127.0.0.1.evil.example:${port}`,
      `localhost:${port}.evil.example`,
      `user@127.0.0.1:${port}`,
      `0.0.0.0:${port}`,
      '',
    ];
    for (const host of hosts) {
      expect(status('GET', { host })).toBe(403);
      expect(status('POST', { ...post, host, origin: `http://${host}` })).toBe(403);
    }
    expect(status('GET', {})).toBe(403);
  });

  it('refuses a foreign, null, missing or mixed Origin on calls and sockets', () => {
    const origins = [
      'http://evil.example',
      'null',
      `http://localhost:${port}`, // ours, but not of this Host
      `https://127.0.0.1:${port}`,
      `${own}.evil.example`,
      `http://127.0.0.1:${port + 1}`,
      '',
    ];
    for (const origin of origins) {
      expect(status('POST', { ...post, origin })).toBe(403);
      expect(status('GET', { host: post.host, origin }, true)).toBe(403);
    }
    expect(status('POST', { ...post, origin: undefined })).toBe(403);
    expect(status('GET', { host: post.host }, true)).toBe(403);
  });

  it('refuses what another site asked for, but lets it open the page', () => {
    const cross = { 'sec-fetch-site': 'cross-site' };
    const opening = { ...cross, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    expect(status('GET', { host: post.host, ...cross })).toBe(403);
    expect(status('POST', { ...post, ...cross })).toBe(403);
    expect(status('POST', { ...post, ...opening })).toBe(403);
    expect(status('GET', { host: post.host, origin: own, ...cross }, true)).toBe(403);
    expect(status('GET', { host: post.host, ...opening, 'sec-fetch-dest': 'iframe' })).toBe(403);
    expect(status('GET', { host: post.host, ...opening })).toBeNull();
    expect(status('POST', { ...post, 'sec-fetch-site': 'same-origin' })).toBeNull();
  });

  it('takes JSON only, so that a form cannot call', () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      expect(status('POST', { ...post, 'content-type': type })).toBe(415);
    }
    expect(status('POST', { ...post, 'content-type': 'application/jsonp' })).toBe(415);
    expect(status('POST', { ...post, 'content-type': undefined })).toBe(415);
    const charset = 'application/json; charset=utf-8';
    expect(status('POST', { ...post, 'content-type': charset })).toBeNull();
  });

  it('knows GET, HEAD and POST and no other method', () => {
    for (const method of ['PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE']) {
      expect(status(method, post)).toBe(405);
    }
  });
});

describe('throttle', () => {
  it('says too many after its limit, and forgets after its window', () => {
    let now = 0;
    const throttle = createThrottle(() => now);
    for (let n = 0; n < maxFailures; n += 1) expect(throttle.failed()).toBe(false);
    expect(throttle.failed()).toBe(true);
    now = failureWindowMs - 1;
    expect(throttle.failed()).toBe(true);
    now = failureWindowMs;
    expect(throttle.failed()).toBe(false);
  });
});
