/**
 * Runs a program and measures it and everything it starts: wall time, CPU time (user and system, of
 * all processes waited for) and the highest sum of proportional memory (PSS) seen. The same rule
 * for every contender: libvirt and QEMU were started before and are nobody's.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly folder?: string;
  /** Exit codes that count as done; default 0 alone. */
  readonly fine?: readonly number[];
}

export interface Measured {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly peakBytes: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Runner {
  readonly uid: number;
  readonly gid: number;
  /** A folder the user may write, for the times. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
}

const sampleMs = 100;
const maxOutput = 64 * 1024 * 1024;

/** Throws with the program's words when it fails. */
export async function measure(command: Command, runner: Runner): Promise<Measured> {
  const times = join(runner.folder, `times-${process.hrtime.bigint()}`);
  // bash's own `time` counts every descendant that was waited for.
  const script = 'TIMEFORMAT="%R %U %S"; { time "$@" 2>&3; } 3>&2 2>"$0"';
  const child = spawn('bash', ['-c', script, times, command.program, ...command.args], {
    env: { ...runner.env, ...command.env },
    cwd: command.folder ?? runner.folder,
    uid: runner.uid,
    gid: runner.gid,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (bytes: Buffer) => {
    if (output.stdout.length < maxOutput) output.stdout += bytes.toString();
  });
  child.stderr.on('data', (bytes: Buffer) => {
    if (output.stderr.length < maxOutput) output.stderr += bytes.toString();
  });
  let peakBytes = 0;
  const started = performance.now();
  const sampler = setInterval(() => {
    const tree = descendants(child.pid ?? 0);
    peakBytes = Math.max(
      peakBytes,
      tree.reduce((sum, pid) => sum + proportionalBytes(pid), 0),
    );
  }, sampleMs);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  clearInterval(sampler);
  const elapsed = (performance.now() - started) / 1000;
  if (!(command.fine ?? [0]).includes(code ?? -1)) {
    const words = (output.stderr + output.stdout).trim().slice(-2000);
    throw new Error(`${command.program} ${command.args.join(' ')} ended with ${code}: ${words}`);
  }
  const [wall = elapsed, user = 0, system = 0] = readFileSync(times, 'utf8')
    .trim()
    .split('\n')
    .at(-1)!
    .split(' ')
    .map(Number);
  rmSync(times);
  return { wallSeconds: wall, cpuSeconds: user + system, peakBytes, ...output };
}

/** The descendants of `pid`, itself (the shell that keeps time) not among them. */
function descendants(pid: number): number[] {
  return children(pid).flatMap((child) => [child, ...descendants(child)]);
}

function children(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
      .flatMap((thread) =>
        readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')
          .trim()
          .split(' ')
          .filter(Boolean),
      )
      .map(Number);
  } catch {
    return []; // it ended meanwhile
  }
}

function proportionalBytes(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Sum of the sizes of all files in a folder; 0 when it is not there. */
export function folderBytes(folder: string): number {
  let bytes = 0;
  try {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size;
    }
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
  }
  return bytes;
}
