/** A transport, and whether its wire is up. main.ts makes the client from it. */
import type { Transport } from '#contract/client.ts';

export interface Connection extends Transport {
  /** Calls back at once and at every change; returns what ends it. */
  watch(listener: (connected: boolean) => void): () => void;
}
