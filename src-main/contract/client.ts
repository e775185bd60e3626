/**
 * The client over any transport: two primitives, one request and one subscription, and everything
 * above is typed by the contract. Nothing here or above knows which host answers.
 */
import type { CallName, EventName, Input, Output, Payload } from './contract.ts';
import { fromWireError, type WireError } from './errors.ts';

export type Reply<Value> =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly error: WireError };

export interface Transport {
  /** Resolves with the reply; rejects only with an AppError when the wire itself failed. */
  invoke(name: CallName, input: unknown): Promise<Reply<unknown>>;
  /** Calls back for every event until the returned function is called. */
  subscribe(listener: (name: EventName, payload: unknown) => void): () => void;
}

export interface Client {
  /** Throws AppError; the code says what kind. */
  call<Name extends CallName>(name: Name, input: Input<Name>): Promise<Output<Name>>;
  /** Returns the function that ends the subscription. */
  on<Name extends EventName>(name: Name, listener: (payload: Payload<Name>) => void): () => void;
}

export function createClient(transport: Transport): Client {
  return {
    async call<Name extends CallName>(name: Name, input: Input<Name>): Promise<Output<Name>> {
      const reply = await transport.invoke(name, input);
      if (!reply.ok) throw fromWireError(reply.error);
      return reply.value as Output<Name>;
    },
    on<Name extends EventName>(name: Name, listener: (payload: Payload<Name>) => void) {
      return transport.subscribe((received, payload) => {
        if (received === name) listener(payload as Payload<Name>);
      });
    },
  };
}
