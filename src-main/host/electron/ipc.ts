/**
 * The only place that receives messages from windows. Every message passes one wrapper: it must
 * come from the main frame of a page of ours and name a call of the contract; its input is checked
 * by the dispatcher behind the transport. A foreign sender is an error, never a silent answer.
 */
import { ipcMain, type IpcMainInvokeEvent, type WebContents } from 'electron';
import { isCallName } from '#contract/check.ts';
import type { Reply, Transport } from '#contract/client.ts';
import { AppError } from '#contract/errors.ts';
import { refusal, type Report } from '../dispatcher.ts';
import { callChannel, eventChannel } from './channels.ts';
import { isOurs } from './origin.ts';

/** What is asked of a sender; Electron's event has it, and so has a test's. */
type Sender = Pick<IpcMainInvokeEvent, 'senderFrame' | 'sender'>;

/** Throws `unauthorized` unless the message comes from the main frame of our own page. */
export function checkSender({ senderFrame, sender }: Sender): void {
  const fine =
    senderFrame !== null && // null: the frame navigated away or was destroyed
    senderFrame === sender.mainFrame &&
    isOurs(senderFrame.url);
  if (!fine) throw new AppError('unauthorized', 'This message did not come from our window.');
}

/** Answers the calls of every window; returns the function that ends it. */
export function serveCalls(transport: Transport, report: Report): () => void {
  ipcMain.handle(
    callChannel,
    async (event: Sender, name: unknown, input: unknown): Promise<Reply<unknown>> => {
      try {
        checkSender(event);
      } catch (thrown) {
        report('A message from a foreign frame was refused', thrown);
        throw thrown;
      }
      if (!isCallName(name)) {
        return refusal(new AppError('invalid-input', 'There is no such call.'));
      }
      return transport.invoke(name, input);
    },
  );
  return () => {
    ipcMain.removeHandler(callChannel);
  };
}

/** Sends every event to a window until it is gone. */
export function serveEvents(transport: Transport, contents: WebContents): void {
  const unsubscribe = transport.subscribe((name, payload) => {
    if (contents.isDestroyed()) unsubscribe();
    else contents.send(eventChannel, name, payload);
  });
  contents.once('destroyed', unsubscribe);
}
