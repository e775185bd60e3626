/**
 * The command line's entry. Everything it needs of the process is gathered here, once, and handed
 * on: arguments, environment, terminal, signals.
 */
import { userInfo } from 'node:os';
import { createClient } from '#contract/client.ts';
import { runCli } from './cli.ts';
import { backupCommand } from './commands/backup.ts';
import { changeCommands } from './commands/changes.ts';
import { checkpointCommands } from './commands/checkpoints.ts';
import { doctorCommand } from './commands/doctor.ts';
import { hostCommands } from './commands/hosts.ts';
import { jobCommands } from './commands/jobs.ts';
import { machineCommands } from './commands/machines.ts';
import { newsTestCommand, reportCommand } from './commands/news.ts';
import { planPreviewCommand } from './commands/plan-preview.ts';
import { planRunCommands } from './commands/plan-runs.ts';
import { planCommands } from './commands/plans.ts';
import { pointCommands } from './commands/points.ts';
import { practiceCommands } from './commands/practice.ts';
import { repositoryCommands } from './commands/repositories.ts';
import { restoreCommand } from './commands/restore.ts';
import { serveCommand, startCommand } from './commands/serve.ts';
import { snapshotCommands } from './commands/snapshots.ts';
import { createOwnEngine, openLog, version } from '../owner/engine.ts';
import { dataFolder, runtimeFolder } from '../owner/folders.ts';
import { openSession } from '../owner/session.ts';
import { realTerminal } from './terminal.ts';

process.umask(0o077); // nothing this program writes is for other users

const environment = process.env;
const interrupted = new AbortController();
/** The first Ctrl+C cancels in good order; a second one does not wait for it. */
const interrupt = () => {
  if (interrupted.signal.aborted) process.exit(130);
  interrupted.abort();
};
process.on('SIGINT', interrupt);
process.on('SIGTERM', interrupt);
process.stdout.on('error', () => {
  process.exit(1); // who read us is gone: head, a closed pager
});

const report = (message: string, thrown: unknown): string =>
  openLog(dataFolder(undefined, environment)).error(message, thrown);

process.exitCode = await runCli(process.argv.slice(2), {
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
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    columns: process.stderr.isTTY ? process.stderr.columns : null,
    now: () => Date.now(),
  },
  terminal: realTerminal,
  environment,
  version,
  signal: interrupted.signal,
  report,
  open: async (folder) => {
    const log = openLog(folder);
    const session = await openSession({
      dataFolder: folder,
      runtimeFolder: runtimeFolder(environment, userInfo().uid),
      role: 'command',
      createEngine: () => createOwnEngine(folder, 'command-line', environment, log),
      report: (message, thrown) => log.error(message, thrown),
    });
    return {
      client: createClient(session.transport),
      close: () => session.close(),
    };
  },
});
