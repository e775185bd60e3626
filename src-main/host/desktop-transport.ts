/** A transport whose `desktop.` calls are answered here, by the computer in front of the person. */
import { checkInput } from '#contract/check.ts';
import type { Reply, Transport } from '#contract/client.ts';
import type { CallName, DesktopCallName, DesktopHandlers } from '#contract/contract.ts';
import { AppError, toWireError } from '#contract/errors.ts';
import type { Report } from './dispatcher.ts';

function isDesktopCall(name: CallName): name is DesktopCallName {
  return name.startsWith('desktop.');
}

export function withDesktop(
  transport: Transport,
  handlers: DesktopHandlers,
  report: Report,
): Transport {
  async function answer(name: DesktopCallName, input: unknown): Promise<Reply<unknown>> {
    try {
      const handler = handlers[name] as (checked: unknown) => Promise<unknown>;
      return { ok: true, value: await handler(checkInput(name, input)) };
    } catch (thrown) {
      const logId = thrown instanceof AppError ? '' : report(`The call ${name} failed`, thrown);
      return { ok: false, error: toWireError(thrown, logId) };
    }
  }
  return {
    invoke: (name, input) =>
      isDesktopCall(name) ? answer(name, input) : transport.invoke(name, input),
    subscribe: (listener) => transport.subscribe(listener),
  };
}
