/** Programs that Waymark starts end with it, also when it is killed, unless they were let go. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hasCode } from '#contract/errors.ts';
import { realProcesses } from '#engine/world/processes.ts';

const program = join(import.meta.dirname, '../fakes/starter-process.ts');

/** The program that a process started which was killed with -9 then. */
async function leftBy(how: 'tied' | 'detached'): Promise<number> {
  const starter = spawn(process.execPath, [program, how], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(starter.stdout, 'data')) as [Buffer];
  const pid = Number(line.toString().trim());
  expect(realProcesses.alive(pid)).toBe(true);
  starter.kill('SIGKILL');
  await once(starter, 'exit');
  return pid;
}

test('killed with -9: what it started ends too', async () => {
  const pid = await leftBy('tied');
  await expect.poll(() => realProcesses.alive(pid), { timeout: 5000 }).toBe(false);
});

test('what is detached lives on', async () => {
  const pid = await leftBy('detached');
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(realProcesses.alive(pid)).toBe(true);
  realProcesses.kill(pid, 'SIGKILL');
});

test('a program that is not installed is named', async () => {
  const starting = realProcesses.start('no-such-program', []);
  const thrown: unknown = await starting.catch((reason: unknown) => reason);
  expect(hasCode(thrown, 'tool-missing') && thrown.data['tool']).toBe('no-such-program');
});
