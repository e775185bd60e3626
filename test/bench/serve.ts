/** An image that a running machine has open, served read-only for nbdcopy. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stage } from './stage.ts';

const startLimitMs = 10_000;

export async function serveShared(
  { folder, runner }: Stage,
  image: string,
): Promise<{ readonly socketPath: string; readonly stop: () => Promise<void> }> {
  const socketPath = join(folder, 'nbd');
  const file = `driver=qcow2,force-share=on,file.driver=file,file.filename=${image}`;
  const server = spawn(
    'qemu-nbd',
    ['--persistent', '--shared=16', '--read-only', `--socket=${socketPath}`, '--image-opts', file],
    { uid: runner.uid, gid: runner.gid, env: runner.env, stdio: 'ignore' },
  );
  const ended = new Promise<void>((resolve) => server.on('exit', () => resolve()));
  const deadline = performance.now() + startLimitMs;
  while (!existsSync(socketPath)) {
    if (server.exitCode !== null || performance.now() > deadline) {
      server.kill('SIGKILL');
      throw new Error('qemu-nbd did not begin to serve.');
    }
    await sleep(20);
  }
  return {
    socketPath,
    stop: async () => {
      server.kill('SIGTERM');
      await ended;
    },
  };
}
