/**
 * The one way from a wire to the handlers, used by every host: name and raw input in, check,
 * handler, reply out; events fanned out to whoever listens.
 *
 * It promises that it never throws, that a reply never holds a stack, and that one listener's fault
 * never keeps an event from the others. It knows no wire: who may ask is each host's business.
 */
import { checkInput, checkName } from '#contract/check.ts';
import type { Reply, Transport } from '#contract/client.ts';
import type {
  AllHandlers,
  DesktopHandlers,
  Emit,
  EventName,
  Handlers,
} from '#contract/contract.ts';
import { AppError, toWireError } from '#contract/errors.ts';

/** What answers: the engine, or a test's stand-in. */
export interface Answerer {
  readonly handlers: Handlers;
  onEvent(listener: Emit): () => void;
}

/** Writes what nobody expected into the log and returns the id it has there. */
export type Report = (message: string, thrown: unknown) => string;

export type EventListener = (name: EventName, payload: unknown) => void;

export interface Dispatcher {
  /** Answers one call; never rejects. */
  answer(name: unknown, input: unknown): Promise<Reply<unknown>>;
  /** Calls back for every event until the returned function is called. */
  listen(listener: EventListener): () => void;
  /** Refuses further calls; events still go out, so that who follows a job hears of its end. */
  endCalls(): void;
  /** Ends all listening and refuses further calls. */
  close(): void;
}

/** Far more than windows, sockets and commands of one person; a leak shows here. */
export const maxListeners = 256;

/** A reply that says no. */
export function refusal(error: AppError): Reply<never> {
  return { ok: false, error: error.toJSON() };
}

export function createDispatcher(
  engine: Answerer,
  desktop: DesktopHandlers,
  report: Report,
): Dispatcher {
  const handlers: AllHandlers = { ...engine.handlers, ...desktop };
  const listeners = new Set<EventListener>();
  let closed = false;

  const stopEvents = engine.onEvent((name, payload) => {
    for (const listener of [...listeners]) {
      try {
        listener(name, payload);
      } catch (thrown) {
        report(`A listener failed on ${name}`, thrown);
      }
    }
  });

  return {
    async answer(name, input) {
      try {
        if (closed) throw new AppError('not-connected', 'Waymark is closing.');
        const call = checkName(name);
        const handler = handlers[call] as (checked: unknown) => Promise<unknown>;
        return { ok: true, value: await handler(checkInput(call, input)) };
      } catch (thrown) {
        if (thrown instanceof AppError) return refusal(thrown);
        const logId = report(`The call ${String(name).slice(0, 64)} failed`, thrown);
        return { ok: false, error: toWireError(thrown, logId) };
      }
    },
    listen(listener) {
      if (listeners.size >= maxListeners) {
        throw new AppError('refused', 'Too many windows and commands are listening.', {
          maxListeners,
        });
      }
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    endCalls() {
      closed = true;
    },
    close() {
      closed = true;
      stopEvents();
      listeners.clear();
    },
  };
}

/** The transport of who lives in the same process: nothing is serialised. */
export function inProcess(dispatcher: Dispatcher): Transport {
  return {
    invoke: (name, input) => dispatcher.answer(name, input),
    subscribe: (listener) => dispatcher.listen(listener),
  };
}
