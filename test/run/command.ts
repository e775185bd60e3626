/** Runs one tool with its output passed straight through to the terminal. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** No runner takes this long unless it hangs. */
const runnerTimeoutMs = 20 * 60_000;

/**
 * Resolves with the exit code, or null when it could not be started, was killed by a signal or
 * took too long. Never rejects. The tool gets a process group of its own, so that a timeout or an
 * interrupt ends its children too.
 */
export function runCommand(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<number | null> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...env },
      detached: true,
    });
    const endGroup = (signal: NodeJS.Signals) => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, signal);
      } catch {
        // It has ended already.
      }
    };
    const timeout = setTimeout(() => {
      console.error(`${program} ${args.join(' ')}: no end after ${runnerTimeoutMs / 60_000} min`);
      endGroup('SIGKILL');
    }, runnerTimeoutMs);
    const interrupt = (signal: NodeJS.Signals) => {
      endGroup(signal);
      process.exit(128 + constants.signals[signal]);
    };
    process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
    const finish = (code: number | null) => {
      clearTimeout(timeout);
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
      resolve(code);
    };
    child.on('error', (error) => {
      console.error(`${program} could not be started: ${error.message}`);
      finish(null);
    });
    child.on('exit', finish);
  });
}
