/**
 * A program of a person's own choosing, run as the head of a process group: when its time is up,
 * what it started ends with it. Its output is given on line by line and never kept here.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { errnoOf } from './file-errors.ts';
import { splitLines } from './lines.ts';

export interface GroupOptions {
  /** Written to its standard input, which is closed then. */
  readonly input?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** One line of what it prints, of both its outputs, without the line break. */
  readonly onLine: (line: string) => void;
}

/** How it ended. `timed-out` and `cancelled` are ours: by then the whole group is gone. */
export type GroupEnd =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'killed'; readonly signal: string }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'cancelled' };

/** Between SIGTERM, which it may use to put things right, and SIGKILL. Milliseconds. */
export const groupKillAfterMs = 5000;
/** Longest line of output that is given on. */
export const maxLineLength = 1000;
/** How long output is read after the program ended; what it left running may hold it open. */
const drainMs = 200;

/** The end of a spawned group leader; rejects with Node's error when it could not be started. */
export function superviseGroup(child: ChildProcess, options: GroupOptions): Promise<GroupEnd> {
  return new Promise((resolve, reject) => {
    const lines = [child.stdout, child.stderr].map((stream) => readLines(stream, options.onLine));
    const ending = endGroup(child);
    const timeout = setTimeout(() => {
      ending.begin({ kind: 'timed-out' });
    }, options.timeoutMs);
    const abort = () => {
      ending.begin({ kind: 'cancelled' });
    };
    options.signal?.addEventListener('abort', abort, { once: true });
    if (options.signal?.aborted === true) abort();
    const stopWaiting = () => {
      clearTimeout(timeout);
      options.signal?.removeEventListener('abort', abort);
    };
    child.on('error', (thrown) => {
      if (child.pid !== undefined) return; // a signal that could not be sent: it ended already
      stopWaiting();
      reject(thrown);
    });
    child.on('exit', (code, signal) => {
      stopWaiting();
      void Promise.all([ending.gone(), ...lines.map((read) => read.drained())]).then(([why]) => {
        resolve(why ?? ended(code, signal));
      });
    });
    child.stdin?.on('error', () => undefined); // it may end without reading its input
    child.stdin?.end(options.input ?? '');
  });
}

/** The leader of a new group, with its outputs piped. */
export function spawnGroup(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): ChildProcess {
  return spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
}

function ended(code: number | null, signal: string | null): GroupEnd {
  return code === null ? { kind: 'killed', signal: signal ?? 'unknown' } : { kind: 'exited', code };
}

function endGroup(child: ChildProcess) {
  let why: GroupEnd | null = null;
  let killer: NodeJS.Timeout | undefined;
  let gone: () => void = () => undefined;
  const killed = new Promise<void>((resolve) => {
    gone = resolve;
  });
  return {
    begin: (reason: GroupEnd) => {
      if (why !== null || child.pid === undefined) return;
      why = reason;
      signalGroup(child.pid, 'SIGTERM');
      killer = setTimeout(() => {
        if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
        gone();
      }, groupKillAfterMs);
    },
    /** Asked when the leader has ended: why we ended it, once nothing of its group is left. */
    gone: async (): Promise<GroupEnd | null> => {
      if (why === null) return null;
      if (child.pid !== undefined && signalGroup(child.pid, 0)) await killed;
      clearTimeout(killer);
      return why;
    },
  };
}

/** False when nothing of the group is there any more. */
function signalGroup(leader: number, signal: 'SIGTERM' | 'SIGKILL' | 0): boolean {
  try {
    process.kill(-leader, signal);
    return true;
  } catch (thrown) {
    return errnoOf(thrown) === 'EPERM';
  }
}

function readLines(stream: ChildProcess['stdout'], onLine: (line: string) => void) {
  if (stream === null) return { drained: () => Promise.resolve() };
  const splitter = splitLines(maxLineLength, onLine);
  const closed = new Promise<void>((resolve) => stream.on('close', resolve));
  stream.on('data', (chunk: Buffer) => {
    splitter.write(chunk);
  });
  return {
    drained: async () => {
      const late = setTimeout(() => stream.destroy(), drainMs);
      await closed;
      clearTimeout(late);
      splitter.end();
    },
  };
}
