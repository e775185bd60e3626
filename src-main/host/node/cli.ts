/**
 * From arguments to a command and its exit code. It knows no command: the list is handed in. It
 * promises that every way a command can end is one of the documented exit codes, and that with
 * --json stdout holds exactly one document, error or result.
 */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import type { Client } from '#contract/client.ts';
import { AppError, toWireError } from '#contract/errors.ts';
import type { Report } from '../dispatcher.ts';
import { usage, type Command, type Context, type Option, type Terminal } from './command.ts';
import { isLater, notYet } from './commands/later.ts';
import { dataFolder, type Environment } from '../owner/folders.ts';
import { commandHelp, overview } from './help.ts';
import { createOutput, exitCodeOf, exitCodes, type ExitCode, type Streams } from './output.ts';

const globalOptions: Readonly<Record<string, Option>> = {
  data: {
    type: 'string',
    value: 'DIR',
    help: 'the data folder (default: $XDG_DATA_HOME/waymark, else ~/.local/share/waymark)',
  },
  json: { type: 'boolean', help: 'one JSON document on standard output' },
  yes: { type: 'boolean', help: 'confirm a destructive step' },
  help: { type: 'boolean', help: 'show this help' },
  version: { type: 'boolean', help: 'show the version' },
};

export interface OpenedClient {
  readonly client: Client;
  close(): Promise<void>;
}

export interface CliWorld {
  readonly commands: readonly Command[];
  readonly streams: Streams;
  readonly terminal: Terminal;
  readonly environment: Environment;
  readonly version: string;
  readonly signal: AbortSignal;
  readonly report: Report;
  /** Opens the engine on a data folder: ours or its owner's. */
  open(dataFolder: string): Promise<OpenedClient>;
}

type Parsed = Pick<Context, 'operands' | 'values'> & { readonly command: Command };

function toConfig(options: Readonly<Record<string, Option>>): ParseArgsConfig['options'] {
  return Object.fromEntries(
    Object.entries(options).map(([name, { type, multiple = false }]) => [name, { type, multiple }]),
  );
}

/** The words that are no options, in order; which options take a value is known of all commands. */
function positionals(args: readonly string[], commands: readonly Command[]): readonly string[] {
  const every = Object.assign({}, globalOptions, ...commands.map((one) => one.options)) as Readonly<
    Record<string, Option>
  >;
  const options = toConfig(every) ?? {};
  return parseArgs({ args: [...args], options, strict: false, allowPositionals: true }).positionals;
}

function findCommand(words: readonly string[], commands: readonly Command[]): Command {
  const [noun = '', verb = ''] = words;
  const found =
    commands.find(({ name }) => name === `${noun} ${verb}`) ??
    commands.find(({ name }) => name === noun);
  if (found !== undefined) return found;
  const later = isLater(words);
  if (later !== null) throw notYet(later);
  const shown = words.slice(0, 2).join(' ');
  throw usage(noun === '' ? 'A command is needed.' : `There is no command ${shown}.`);
}

function parse(args: readonly string[], command: Command): Parsed {
  const options = toConfig({ ...globalOptions, ...command.options }) ?? {};
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args: [...args], options, strict: true, allowPositionals: true });
  } catch (thrown) {
    const problem = thrown instanceof Error ? thrown.message.split('. ')[0] : 'An option is wrong';
    throw usage(`${problem ?? ''}.`, `See waymark ${command.name} --help.`);
  }
  const operands = parsed.positionals.slice(command.name.split(' ').length);
  const { min, max } = command.count;
  if (operands.length < min || operands.length > max) {
    const few = operands.length < min ? 'Something is missing' : 'There is too much';
    throw usage(
      `${few}: waymark ${command.name} ${command.operands}`.trimEnd(),
      `See waymark ${command.name} --help.`,
    );
  }
  return { command, operands, values: parsed.values as Context['values'] };
}

/** Help and version need no engine and no complete command. */
function answerAtOnce(args: readonly string[], world: CliWorld): boolean {
  const words = positionals(args, world.commands);
  const end = args.indexOf('--');
  const options = end < 0 ? args : args.slice(0, end);
  if (options.includes('--version') && words.length === 0) {
    world.streams.out(`waymark ${world.version}\n`);
    return true;
  }
  if (!options.includes('--help') && !options.includes('-h') && words[0] !== 'help') return false;
  const topic = words[0] === 'help' ? words.slice(1) : words;
  const [noun] = topic;
  const many = world.commands.filter(({ name }) => name.split(' ')[0] === noun);
  const single = topic.length > 1 || many.length === 1;
  const text =
    noun === undefined || (many.length === 0 && !single)
      ? overview(world.commands, globalOptions)
      : single
        ? commandHelp(findCommand(topic, world.commands), globalOptions)
        : overview(many, globalOptions);
  world.streams.out(text);
  return true;
}

/** Runs one command line; never rejects. */
export async function runCli(args: readonly string[], world: CliWorld): Promise<ExitCode> {
  const json = args.includes('--json');
  const output = createOutput(world.streams, json);
  const opened: { session: Promise<OpenedClient> | null } = { session: null };
  const fail = (thrown: unknown): ExitCode => {
    const logId = thrown instanceof AppError ? '' : world.report('A command failed', thrown);
    const error = toWireError(thrown, logId);
    output.error(error);
    return exitCodeOf(error);
  };
  let exitCode: ExitCode;
  try {
    if (answerAtOnce(args, world)) return exitCodes.done;
    const words = positionals(args, world.commands);
    const { command, operands, values } = parse(args, findCommand(words, world.commands));
    const data = typeof values['data'] === 'string' ? values['data'] : undefined;
    const folder = dataFolder(data, world.environment);
    exitCode = await command.run({
      operands,
      values,
      output,
      terminal: world.terminal,
      json,
      yes: values['yes'] === true,
      dataFolder: folder,
      environment: world.environment,
      signal: world.signal,
      now: world.streams.now,
      client: async () => {
        opened.session ??= world.open(folder);
        return (await opened.session).client;
      },
    });
  } catch (thrown) {
    exitCode = fail(thrown);
  }
  try {
    await (await opened.session?.catch(() => null))?.close();
  } catch (thrown) {
    world.report('Closing failed', thrown); // the command itself is done and was answered
  }
  return exitCode;
}
