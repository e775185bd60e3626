/** The engine as a child process on a data folder: asked through the contract, killed, started. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, type Client, type Reply } from '#contract/client.ts';
import type { CallName, Input, Output } from '#contract/contract.ts';
import type { Job, JobId } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';

export interface Asked {
  readonly id: number;
  readonly name: CallName | 'stop';
  readonly input: unknown;
}

export interface Answered {
  readonly id: number; // 0: it has started
  readonly reply: Reply<unknown>;
}

export interface EngineProcess {
  /** Throws AppError; `not-connected` when the engine is dead or dies before it answered. */
  call<Name extends CallName>(name: Name, input: Input<Name>): Promise<Output<Name>>;
  /** The job when it has ended; throws like `call`. */
  ended(id: JobId): Promise<Job>;
  alive(): boolean;
  kill(): Promise<void>;
  /** Starts it again; resolves when every host and repository was tried once. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const program = join(import.meta.dirname, 'engine-child.ts');
const startLimitMs = 60_000;
const jobLimitMs = 180_000;
const pollMs = 15;

export async function startEngineProcess(folder: string): Promise<EngineProcess> {
  let running = await startChild(folder);
  const call: EngineProcess['call'] = (name, input) => running.client.call(name, input);
  return {
    call,
    ended: async (id) => {
      const deadline = performance.now() + jobLimitMs;
      for (;;) {
        const job = await call('jobs.get', { job: id });
        if (['done', 'problems', 'failed', 'cancelled'].includes(job.state.kind)) return job;
        if (performance.now() > deadline) throw new Error(`“${job.title}” did not end`);
        await sleep(pollMs);
      }
    },
    alive: () => running.alive(),
    kill: async () => running.end('SIGKILL'),
    start: async () => {
      running = await startChild(folder);
    },
    stop: async () => running.end('stop'),
  };
}

interface Running {
  readonly client: Client;
  alive(): boolean;
  end(how: 'SIGKILL' | 'stop'): Promise<void>;
}

async function startChild(folder: string): Promise<Running> {
  const child = fork(program, [folder], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const waiting = new Map<number, (reply: Reply<unknown>) => void>();
  let alive = true;
  child.on('message', (message) => {
    const { id, reply } = message as Answered;
    waiting.get(id)?.(reply);
    waiting.delete(id);
  });
  const exited = once(child, 'exit').then(() => {
    alive = false;
    for (const resolve of waiting.values()) resolve(gone());
    waiting.clear();
  });
  const ask = (id: number, asked: Asked | null) =>
    new Promise<Reply<unknown>>((resolve) => {
      if (!alive) {
        resolve(gone());
        return;
      }
      waiting.set(id, resolve);
      if (asked !== null) child.send(asked, () => undefined); // its exit answers when it is gone
    });
  const begun = await Promise.race([ask(0, null), sleep(startLimitMs, null, { ref: false })]);
  if (begun?.ok !== true) {
    child.kill('SIGKILL');
    throw new Error('The engine did not start');
  }
  let count = 0;
  const client = createClient({
    invoke: (name, input) => ask(++count, { id: count, name, input }),
    subscribe: () => () => undefined,
  });
  return { client, alive: () => alive, end: (how) => end(child, how, exited) };
}

async function end(child: ChildProcess, how: 'SIGKILL' | 'stop', exited: Promise<void>) {
  if (how === 'stop' && child.connected) {
    child.send({ id: -1, name: 'stop', input: null } satisfies Asked, () => undefined);
  } else {
    child.kill('SIGKILL');
  }
  await exited;
}

function gone(): Reply<never> {
  return { ok: false, error: new AppError('not-connected', 'The engine is gone.').toJSON() };
}
