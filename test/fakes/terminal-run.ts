/** Runs a command line against a pretend engine, in this process, and says all that came of it. */
import { createClient } from '#contract/client.ts';
import { runCli } from '../../src-main/host/node/cli.ts';
import type { Terminal } from '../../src-main/host/node/command.ts';
import { backupCommand } from '../../src-main/host/node/commands/backup.ts';
import { changeCommands } from '../../src-main/host/node/commands/changes.ts';
import { checkpointCommands } from '../../src-main/host/node/commands/checkpoints.ts';
import { doctorCommand } from '../../src-main/host/node/commands/doctor.ts';
import { hostCommands } from '../../src-main/host/node/commands/hosts.ts';
import { jobCommands } from '../../src-main/host/node/commands/jobs.ts';
import { machineCommands } from '../../src-main/host/node/commands/machines.ts';
import { newsTestCommand, reportCommand } from '../../src-main/host/node/commands/news.ts';
import { planPreviewCommand } from '../../src-main/host/node/commands/plan-preview.ts';
import { planRunCommands } from '../../src-main/host/node/commands/plan-runs.ts';
import { planCommands } from '../../src-main/host/node/commands/plans.ts';
import { pointCommands } from '../../src-main/host/node/commands/points.ts';
import { practiceCommands } from '../../src-main/host/node/commands/practice.ts';
import { repositoryCommands } from '../../src-main/host/node/commands/repositories.ts';
import { restoreCommand } from '../../src-main/host/node/commands/restore.ts';
import { serveCommand, startCommand } from '../../src-main/host/node/commands/serve.ts';
import { snapshotCommands } from '../../src-main/host/node/commands/snapshots.ts';
import { desktopHandlers, noDesktop } from '../../src-main/host/desktop.ts';
import { createDispatcher, inProcess } from '../../src-main/host/dispatcher.ts';
import { createFakeEngine, type FakeEngine } from './handlers.ts';

export interface TerminalRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Whether the command opened the engine at all. */
  readonly opened: boolean;
}

export interface RunOptions {
  readonly engine?: FakeEngine;
  /** Answers of a person; without, nobody is at the terminal. */
  readonly confirm?: boolean;
  /** What a person types where a name is asked for. */
  readonly line?: string;
  readonly secrets?: readonly string[];
  readonly stdin?: string;
  readonly columns?: number;
  readonly signal?: AbortSignal;
}

export async function waymark(
  args: readonly string[],
  options: RunOptions = {},
): Promise<TerminalRun> {
  const engine = options.engine ?? createFakeEngine({ secondsPerJob: 0.05 });
  let out = '';
  let err = '';
  let opened = false;
  const secrets = [...(options.secrets ?? [])];
  const terminal: Terminal = {
    present: [options.confirm, options.line, options.secrets].some((one) => one !== undefined),
    confirm: async (question) => {
      err += `${question}\n`;
      return options.confirm === true;
    },
    line: async (prompt) => {
      err += `${prompt}\n`;
      return options.line ?? '';
    },
    secret: async () => secrets.shift() ?? '',
    stdin: async () => options.stdin ?? '',
  };
  const dispatcher = createDispatcher(engine, desktopHandlers(noDesktop), () => 'log-1');
  const code = await runCli(args, {
    commands: [
      ...hostCommands,
      ...machineCommands,
      ...repositoryCommands,
      backupCommand,
      ...pointCommands,
      restoreCommand,
      ...snapshotCommands,
      ...checkpointCommands,
      doctorCommand,
      ...changeCommands,
      ...planCommands,
      planPreviewCommand,
      ...planRunCommands,
      reportCommand,
      newsTestCommand,
      ...jobCommands,
      ...practiceCommands,
      serveCommand,
      startCommand,
    ],
    streams: {
      out: (text) => (out += text),
      err: (text) => (err += text),
      columns: options.columns ?? null,
      now: () => performance.now(),
    },
    terminal,
    environment: { XDG_DATA_HOME: '/nonexistent' },
    version: '9.9.9',
    signal: options.signal ?? new AbortController().signal,
    report: () => 'log-1',
    open: async () => {
      opened = true;
      return { client: createClient(inProcess(dispatcher)), close: async () => {} };
    },
  });
  if (options.engine === undefined) await engine.stop();
  return { code, out, err, opened };
}
