/**
 * A transport that outlives the process it talks to: when the engine another process ran is gone,
 * the session is opened anew (then this process may own it) and `state.reset` tells the window.
 */
import type { Transport } from '#contract/client.ts';
import { AppError } from '#contract/errors.ts';
import { refusal, type EventListener, type Report } from '../dispatcher.ts';
import type { Session } from './session.ts';

export interface Lasting {
  readonly transport: Transport;
  /** True while the engine, and so the plans, run in this process. */
  owner(): boolean;
  /** True while nobody but this process sees what the engine tells. */
  alone(): boolean;
  close(): Promise<void>;
}

const retryEveryMs = 2_000;

export async function lastingSession(
  open: () => Promise<Session>,
  report: Report,
): Promise<Lasting> {
  const listeners = new Set<EventListener>();
  let closed = false;
  let current: Session | null = null;
  let retry: ReturnType<typeof setTimeout> | null = null;

  function use(session: Session): void {
    current = session;
    session.transport.subscribe((name, payload) => {
      for (const listener of [...listeners]) listener(name, payload);
    });
    void session.lost.then(() => {
      if (closed) return;
      current = null;
      void reopen();
    });
  }

  async function reopen(): Promise<void> {
    try {
      const session = await open();
      if (closed) {
        await session.close();
        return;
      }
      use(session);
      for (const listener of [...listeners]) listener('state.reset', null);
    } catch (thrown) {
      report('The engine cannot be reached again yet', thrown);
      retry = setTimeout(() => void reopen(), retryEveryMs);
    }
  }

  use(await open());
  return {
    transport: {
      invoke: (name, input) => {
        if (current !== null) return current.transport.invoke(name, input);
        const error = new AppError('not-connected', 'The engine is being started again.');
        return Promise.resolve(refusal(error));
      },
      subscribe: (listener) => {
        listeners.add(listener);
        return () => {
          listeners.delete(listener);
        };
      },
    },
    owner: () => current?.owner ?? false,
    alone: () => current?.others() === 0,
    close: async () => {
      closed = true;
      if (retry !== null) clearTimeout(retry);
      listeners.clear();
      await current?.close();
    },
  };
}
