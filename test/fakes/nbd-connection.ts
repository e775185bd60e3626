/** A pretend NBD server and a client connected to it, both gone when the test ends. */
import type { Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { connectNbd, type NbdClient } from '#engine/nbd/client.ts';
import type { NbdOptions } from '#engine/nbd/connection.ts';
import {
  startFakeNbd,
  type FakeNbdOptions,
  type FakeNbdServer,
  type SeenRequest,
} from './nbd-server.ts';

export async function server(options: Partial<FakeNbdOptions> = {}): Promise<FakeNbdServer> {
  const started = await startFakeNbd({ disk: Buffer.alloc(1024 * 1024, 7), ...options });
  onTestFinished(() => started.stop());
  return started;
}

export async function connect(
  options: Partial<FakeNbdOptions> = {},
  asking: Partial<NbdOptions> = {},
): Promise<{ client: NbdClient; fake: FakeNbdServer }> {
  const fake = await server(options);
  const { socketPath } = fake;
  const client = await connectNbd({ socketPath, exportName: '', contexts: [], ...asking });
  onTestFinished(() => client.close());
  return { client, fake };
}

export const readType = 0;
/** A request hook that answers reads alone. */
export const onRead =
  (answer: (request: SeenRequest, socket: Socket) => void) =>
  (request: SeenRequest, socket: Socket) => {
    if (request.type !== readType) return false;
    answer(request, socket);
    return true;
  };
