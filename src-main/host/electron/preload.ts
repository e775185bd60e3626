/**
 * All a window gets of Electron: two functions. Names are checked against the contract, callbacks
 * never see Electron's event, and `ipcRenderer` itself stays here. Runs sandboxed, bundled into one
 * CommonJS file.
 */
import { contextBridge, ipcRenderer } from 'electron';
import type { Reply } from '#contract/client.ts';
import { callNames, eventNames } from '#contract/contract.ts';

// The same texts as in channels.ts, which a sandboxed file may not share; a test compares them.
const callChannel = 'waymark:call';
const eventChannel = 'waymark:event';

const calls: ReadonlySet<unknown> = new Set(callNames);
const events: ReadonlySet<unknown> = new Set(eventNames);

const unknownCall: Reply<never> = {
  ok: false,
  error: { code: 'invalid-input', message: 'There is no such call.', data: {} },
};

contextBridge.exposeInMainWorld('bridge', {
  invoke: (name: unknown, input: unknown): Promise<unknown> =>
    calls.has(name) ? ipcRenderer.invoke(callChannel, name, input) : Promise.resolve(unknownCall),
  subscribe: (listener: unknown): (() => void) => {
    if (typeof listener !== 'function') throw new TypeError('A function is needed.');
    const call = listener as (name: unknown, payload: unknown) => void;
    const receive = (_event: unknown, name: unknown, payload: unknown) => {
      if (events.has(name)) call(name, payload);
    };
    ipcRenderer.on(eventChannel, receive);
    return () => {
      ipcRenderer.off(eventChannel, receive);
    };
  },
});
