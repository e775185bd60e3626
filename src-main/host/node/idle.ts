/**
 * Ends a server nobody uses: no window open, no call for a while, and nothing that needs it. Only
 * the server that `npm start` opened has it; one a person started with `serve` stays.
 */
import type { Client } from '#contract/client.ts';

export interface Idle {
  /** Somebody used it just now. */
  touch(): void;
  /** A window is open until the returned function is called. */
  hold(): () => void;
  stop(): void;
}

/** A job runs, or plans do in this process (`runsPlans`): without it nobody would run them. */
export async function isNeeded(client: Client, runsPlans: boolean): Promise<boolean> {
  const jobs = await client.call('jobs.list', { all: false });
  return jobs.length > 0 || (runsPlans && (await client.call('plans.list', {})).length > 0);
}

export interface IdleRule {
  readonly afterMs: number;
  /** Whether something goes on that no window shows: a job, or plans that run in this process. */
  readonly needed: () => Promise<boolean>;
}

/** A null rule never ends anything. */
export function createIdle(rule: IdleRule | null, end: () => void): Idle {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let held = 0;
  let stopped = false;

  function touch(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (stopped || held > 0 || rule === null) return;
    timer = setTimeout(() => void endIfQuiet(rule), rule.afterMs);
    timer.unref();
  }

  async function endIfQuiet({ needed }: IdleRule): Promise<void> {
    // If the engine does not answer, there is nothing to wait for.
    const stays = await needed().catch(() => false);
    if (stopped || held > 0) return;
    if (stays) touch();
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
