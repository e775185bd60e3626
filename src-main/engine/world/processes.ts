/** Outside programs: argument lists, never a shell; a clean environment; output with a limit. */
import { spawn } from 'node:child_process';
import { access, constants, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '#contract/errors.ts';
import { errnoOf } from './file-errors.ts';
import { spawnGroup, superviseGroup, type GroupEnd, type GroupOptions } from './process-group.ts';

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly timeoutMs?: number; // default 60,000
  readonly signal?: AbortSignal;
  readonly env?: Readonly<Record<string, string>>; // added to a minimal environment
  readonly folder?: string; // working folder
  /** Run as this user and group (needs root). */
  readonly as?: { readonly uid: number; readonly gid: number };
}

export interface RunResult {
  readonly code: number | null; // null when ended by a signal
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that keeps running until told to stop. */
export interface Child {
  readonly pid: number;
  /** Resolves when it ended, with its code or null after a signal. Never rejects. */
  readonly exited: Promise<number | null>;
  /** The last part of what it wrote to stderr. */
  stderr(): string;
  kill(signal?: 'SIGTERM' | 'SIGKILL' | 'SIGINT'): void;
}

export interface Processes {
  /** `tool-missing` when the program does not exist; a non-zero end is a result, not an error. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /**
   * Starts it and returns once it exists. `detached` lets it outlive this process; anything else
   * gets SIGTERM when this process dies, also by SIGKILL.
   */
  start(
    program: string,
    args: readonly string[],
    options?: Omit<RunOptions, 'input' | 'timeoutMs'> & { readonly detached?: boolean },
  ): Promise<Child>;
  /**
   * Runs a program a person chose as the head of a process group, with its output line by line.
   * How it ended is a result; `tool-missing` when it is not there (data.errno ENOENT) or may not be
   * run (EACCES). It gets SIGTERM when this process dies.
   */
  runGroup(program: string, args: readonly string[], options: GroupOptions): Promise<GroupEnd>;
  /** The full path of a program, looked for as it would be run; null when it may not be run. */
  find(program: string): Promise<string | null>;
  /** Whether a process with this id exists. */
  alive(pid: number): boolean;
  /** Signals a process that is not our child; false if it does not exist. */
  kill(pid: number, signal: 'SIGTERM' | 'SIGKILL'): boolean;
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
}

export const maxOutputBytes = 16 * 1024 * 1024;
export const maxErrorBytes = 64 * 1024;
const defaultTimeoutMs = 60_000;
const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function environment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const kept: Record<string, string> = { PATH: searchPath, LC_ALL: 'C.UTF-8' };
  for (const name of [
    'HOME',
    'USER',
    'XDG_RUNTIME_DIR',
    'DBUS_SESSION_BUS_ADDRESS',
    'SSH_AUTH_SOCK',
  ]) {
    const value = process.env[name];
    if (value !== undefined) kept[name] = value;
  }
  return { ...kept, ...extra };
}

function startFailure(program: string, thrown: unknown): AppError {
  if (errnoOf(thrown) === 'ENOENT') {
    return new AppError('tool-missing', `The program ${program} is not installed.`, {
      tool: program,
    });
  }
  return new AppError('tool-missing', `The program ${program} could not be started.`, {
    tool: program,
    errno: errnoOf(thrown),
  });
}

/**
 * The command line that has the kernel end the program with this process (prctl
 * PR_SET_PDEATHSIG): a server that waits for its first client would keep an image locked for ever.
 * Only setpriv (util-linux) asks for that from outside; without it the program is on its own.
 */
async function tied(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<readonly [string, ...string[]]> {
  const tools = await Promise.all([findProgram('setpriv', env), findProgram(program, env)]);
  // What is not there fails by itself, under its own name.
  if (tools.includes(null)) return [program, ...args];
  return ['setpriv', '--pdeathsig', 'TERM', '--', program, ...args];
}

async function findProgram(
  program: string,
  env: Readonly<Record<string, string>>,
): Promise<string | null> {
  const folders = (env['PATH'] ?? searchPath).split(':');
  const paths = program.includes('/') ? [program] : folders.map((folder) => join(folder, program));
  const runnable = await Promise.all(paths.map(mayRun));
  return paths.find((_path, index) => runnable[index] === true) ?? null;
}

/** A folder is executable too, so it has to be a file. */
async function mayRun(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false; // not there, or not for us
  }
}

function identity(options: { readonly as?: { readonly uid: number; readonly gid: number } }) {
  return options.as === undefined ? {} : { uid: options.as.uid, gid: options.as.gid };
}

export const realProcesses: Processes = {
  run: (program, args, options = {}) =>
    new Promise((resolve, reject) => {
      const child = spawn(program, args, {
        env: environment(options.env),
        cwd: options.folder,
        stdio: ['pipe', 'pipe', 'pipe'],
        ...identity(options),
      });
      const out: Buffer[] = [];
      const err: Buffer[] = [];
      let size = 0;
      let failure: AppError | undefined;
      const stop = (reason: AppError) => {
        failure ??= reason;
        child.kill('SIGKILL');
      };
      const collect = (into: Buffer[]) => (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxOutputBytes) stop(new AppError('internal', `${program} printed too much.`));
        else into.push(chunk);
      };
      child.stdout.on('data', collect(out));
      child.stderr.on('data', collect(err));
      const timeout = setTimeout(() => {
        stop(new AppError('internal', `${program} did not finish in time.`, { tool: program }));
      }, options.timeoutMs ?? defaultTimeoutMs);
      const abort = () => {
        stop(new AppError('cancelled', 'Cancelled.'));
      };
      options.signal?.addEventListener('abort', abort, { once: true });
      if (options.signal?.aborted === true) abort();
      const finish = () => {
        clearTimeout(timeout);
        options.signal?.removeEventListener('abort', abort);
      };
      child.on('error', (thrown) => {
        finish();
        reject(failure ?? startFailure(program, thrown));
      });
      child.on('close', (code) => {
        finish();
        if (failure !== undefined) reject(failure);
        else
          resolve({
            code,
            stdout: Buffer.concat(out).toString(),
            stderr: Buffer.concat(err).toString(),
          });
      });
      child.stdin.on('error', () => undefined); // it may end without reading its input
      child.stdin.end(options.input ?? '');
    }),
  start: async (program, args, options = {}) => {
    const detached = options.detached === true;
    const env = environment(options.env);
    const [command, ...rest] = detached ? [program, ...args] : await tied(program, args, env);
    return new Promise((resolve, reject) => {
      const child = spawn(command, rest, {
        env,
        cwd: options.folder,
        stdio: ['ignore', 'ignore', detached ? 'ignore' : 'pipe'],
        detached,
        ...identity(options),
      });
      let tail = '';
      child.stderr?.on('data', (chunk: Buffer) => {
        tail = (tail + chunk.toString()).slice(-maxErrorBytes);
      });
      const exited = new Promise<number | null>((ended) => {
        child.on('exit', (code) => {
          ended(code);
        });
      });
      child.on('error', (thrown) => {
        reject(startFailure(program, thrown));
      });
      const abort = () => child.kill('SIGTERM');
      options.signal?.addEventListener('abort', abort, { once: true });
      child.on('spawn', () => {
        if (detached) child.unref();
        resolve({
          pid: child.pid ?? 0,
          exited,
          stderr: () => tail,
          kill: (signal = 'SIGTERM') => child.kill(signal),
        });
      });
    });
  },
  runGroup: async (program, args, options) => {
    const env = environment(options.env);
    const [command, ...rest] = await tied(program, args, env);
    return superviseGroup(spawnGroup(command, rest, env), options).catch((thrown: unknown) => {
      throw startFailure(program, thrown);
    });
  },
  find: (program) => findProgram(program, environment()),
  alive: (pid) => {
    try {
      process.kill(pid, 0);
      return true;
    } catch (thrown) {
      return errnoOf(thrown) === 'EPERM';
    }
  },
  kill: (pid, signal) => {
    try {
      process.kill(pid, signal);
      return true;
    } catch {
      return false;
    }
  },
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  pid: process.pid,
};
