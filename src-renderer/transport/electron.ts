/**
 * The wire of the desktop application: the two functions its preload put on the window. It is up as
 * long as the window is.
 */
import type { Reply } from '#contract/client.ts';
import type { CallName, EventName } from '#contract/contract.ts';
import type { Connection } from './connection.ts';

/** What the preload exposes as `window.bridge`, and nothing else. */
export interface Bridge {
  invoke(name: CallName, input: unknown): Promise<Reply<unknown>>;
  subscribe(listener: (name: EventName, payload: unknown) => void): () => void;
}

export function electronConnection(bridge: Bridge): Connection {
  return {
    invoke: (name, input) => bridge.invoke(name, input),
    subscribe: (listener) => bridge.subscribe(listener),
    watch: (listener) => {
      listener(true);
      return () => undefined;
    },
  };
}
