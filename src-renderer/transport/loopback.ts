/**
 * The wire of the browser: calls are POSTed with the token of this start, events come over one
 * WebSocket whose first frame is the token. When the socket comes back after a gap, events may have
 * been missed, so `state.reset` is sent to whoever listens. The token came in the address after the
 * hash; it is erased from there and kept for reloads of this tab only.
 */
import type { Reply } from '#contract/client.ts';
import { eventNames, type EventName } from '#contract/contract.ts';
import { AppError } from '#contract/errors.ts';
import type { Connection } from './connection.ts';

const storageKey = 'waymark.token';
const firstRetryMilliseconds = 250;
/** The engine's own close code: this token is not, or no longer, the right one. */
const closeUnauthorized = 4401;
const maxRetryMilliseconds = 5_000;
/** A call may wait for a slow host; beyond this the engine is taken for gone. */
const callTimeoutMilliseconds = 120_000;

type Listener = (name: EventName, payload: unknown) => void;

/** Reads the token once, erases it from the address; null when this page was opened without one. */
export function takeToken(page: Window): string | null {
  const given = /^#\/?\??token=([^&]+)/.exec(page.location.hash)?.[1];
  if (given === undefined) return page.sessionStorage.getItem(storageKey);
  const token = decodeURIComponent(given);
  page.sessionStorage.setItem(storageKey, token);
  page.history.replaceState(null, '', page.location.pathname);
  return token;
}

async function post(token: string, name: string, input: unknown): Promise<Reply<unknown>> {
  let response: Response;
  try {
    response = await fetch(`/call/${name}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify(input),
      signal: AbortSignal.timeout(callTimeoutMilliseconds),
    });
  } catch (cause) {
    throw new AppError('not-connected', 'Waymark did not answer this window.', {}, cause);
  }
  const reply: unknown = await response.json().catch((): null => null);
  if (isReply(reply)) return reply;
  if (response.status === 401 || response.status === 403) {
    throw new AppError('unauthorized', 'The link of this window is not valid any more.');
  }
  throw new AppError('not-connected', 'Waymark answered in a way this window does not know.', {
    status: response.status,
  });
}

function isReply(value: unknown): value is Reply<unknown> {
  return typeof value === 'object' && value !== null && 'ok' in value;
}

function eventIn(data: unknown): { readonly name: EventName; readonly payload: unknown } | null {
  if (typeof data !== 'string') return null;
  const frame: unknown = JSON.parse(data);
  if (typeof frame !== 'object' || frame === null || !('name' in frame)) return null;
  const name = eventNames.find((known) => known === frame.name);
  if (name === undefined) return null; // of a newer engine
  return { name, payload: 'payload' in frame ? frame.payload : null };
}

/** One socket, opened again for ever with a growing pause; tells who listens what came. */
function openEvents(token: string, emit: Listener, connected: (connected: boolean) => void): void {
  let retryMilliseconds = firstRetryMilliseconds;
  let openedBefore = false;
  const open = (): void => {
    const scheme = window.location.protocol === 'https:' ? 'wss' : 'ws';
    const socket = new WebSocket(`${scheme}://${window.location.host}/events`);
    socket.addEventListener('open', () => {
      socket.send(token);
      retryMilliseconds = firstRetryMilliseconds;
      connected(true);
      if (openedBefore) emit('state.reset', null);
      openedBefore = true;
    });
    socket.addEventListener('message', ({ data }) => {
      const event = eventIn(data);
      if (event !== null) emit(event.name, event.payload);
    });
    socket.addEventListener('close', ({ code }) => {
      connected(false);
      if (code === closeUnauthorized) return;
      window.setTimeout(open, retryMilliseconds);
      retryMilliseconds = Math.min(maxRetryMilliseconds, retryMilliseconds * 2);
    });
  };
  open();
}

export function loopbackConnection(token: string): Connection {
  const listeners = new Set<Listener>();
  const watchers = new Set<(connected: boolean) => void>();
  let connected = true; // until the first answer says otherwise
  openEvents(
    token,
    (name, payload) => {
      for (const listener of listeners) listener(name, payload);
    },
    (now) => {
      connected = now;
      for (const watcher of watchers) watcher(now);
    },
  );
  return {
    invoke: (name, input) => post(token, name, input),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    watch: (watcher) => {
      watchers.add(watcher);
      watcher(connected);
      return () => watchers.delete(watcher);
    },
  };
}
