/**
 * Keeps a slow listener from filling memory: when more than a limit waits to be sent, events are
 * dropped, and once there is room again one `state.reset` tells it to read everything anew.
 */
import type { EventListener } from './dispatcher.ts';

/** Bytes that may wait for one listener. */
export const maxQueuedBytes = 4 * 1024 * 1024;

export interface EventGate {
  readonly send: EventListener;
  /** To be called when something was sent. */
  drained(): void;
}

export function createEventGate(queuedBytes: () => number, deliver: EventListener): EventGate {
  let dropped = false;
  const full = () => queuedBytes() > maxQueuedBytes;
  const drained = () => {
    if (!dropped || full()) return;
    dropped = false;
    deliver('state.reset', null);
  };
  return {
    send: (name, payload) => {
      drained();
      if (full()) dropped = true;
      else deliver(name, payload);
    },
    drained,
  };
}
