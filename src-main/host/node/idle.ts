/**
 * Ends a server nobody uses: no window open, no call for a while, no job running. Only the server
 * that `npm start` opened has it; one a person started with `serve` stays.
 */
import { createClient, type Transport } from '#contract/client.ts';

export interface Idle {
  /** Somebody used it just now. */
  touch(): void;
  /** A window is open until the returned function is called. */
  hold(): () => void;
  stop(): void;
}

export function createIdle(idleMs: number | null, transport: Transport, end: () => void): Idle {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let held = 0;
  let stopped = idleMs === null;

  function touch(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (stopped || held > 0 || idleMs === null) return;
    timer = setTimeout(() => void endIfQuiet(), idleMs);
    timer.unref();
  }

  async function endIfQuiet(): Promise<void> {
    // If the engine does not answer, there is no job to wait for.
    const jobs = await createClient(transport)
      .call('jobs.list', { all: false })
      .catch((): readonly unknown[] => []);
    if (stopped || held > 0) return;
    if (jobs.length > 0) touch();
    else end();
  }

  touch();
  return {
    touch,
    hold: () => {
      let open = true;
      held += 1;
      touch();
      return () => {
        if (!open) return;
        open = false;
        held -= 1;
        touch();
      };
    },
    stop: () => {
      stopped = true;
      touch();
    },
  };
}
