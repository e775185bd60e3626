/** What a command is: its usage, its options, and one function that runs it. */
import type { Client } from '#contract/client.ts';
import { AppError } from '#contract/errors.ts';
import type { Environment } from '../owner/folders.ts';
import type { ExitCode, Output } from './output.ts';
import { plainLines } from './words.ts';

export interface Option {
  readonly type: 'boolean' | 'string';
  readonly multiple?: boolean;
  /** Placeholder of its value in the help: "FILE". */
  readonly value?: string;
  readonly help: string;
}

export type Values = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** The person at the terminal, if there is one. */
export interface Terminal {
  readonly present: boolean;
  /** A yes-or-no question. */
  confirm(question: string): Promise<boolean>;
  /** One line, shown as it is typed. */
  line(prompt: string): Promise<string>;
  /** Asks without showing what is typed. */
  secret(prompt: string): Promise<string>;
  /** All of stdin, at most `maxBytes`. */
  stdin(maxBytes: number): Promise<string>;
}

export interface Context {
  readonly operands: readonly string[];
  readonly values: Values;
  readonly output: Output;
  readonly terminal: Terminal;
  readonly json: boolean;
  readonly yes: boolean;
  readonly dataFolder: string;
  readonly environment: Environment;
  /** Fires at Ctrl+C. */
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** Opens the engine, ours or the owner's, at the first call. */
  client(): Promise<Client>;
}

export interface Command {
  /** "machine show" */
  readonly name: string;
  /** "<machine>" */
  readonly operands: string;
  readonly summary: string;
  readonly options: Readonly<Record<string, Option>>;
  /** How many operands it takes. */
  readonly count: { readonly min: number; readonly max: number };
  /** More lines of help. */
  readonly details?: string;
  run(context: Context): Promise<ExitCode>;
}

/** Wrong usage: exit code 2. */
export function usage(message: string, advice = 'See waymark --help.'): AppError {
  return new AppError('invalid-input', message, { advice, unharmed: 'Nothing was started.' });
}

export function textValue(context: Context, name: string): string | undefined {
  const value = context.values[name];
  return typeof value === 'string' ? value : undefined;
}

/** All values of an option that may be given more than once. */
export function textValues(context: Context, name: string): readonly string[] {
  const values = context.values[name];
  return Array.isArray(values) ? (values as readonly string[]) : [];
}

export function flag(context: Context, name: string): boolean {
  return context.values[name] === true;
}

export function operand(context: Context, index: number): string {
  const found = context.operands[index];
  if (found === undefined) throw usage('Something is missing in this command.');
  return found;
}

/** A destructive step: `--yes`, or a yes at the terminal, or `confirmation-required`. */
export async function confirmStep(context: Context, question: string): Promise<void> {
  if (context.yes) return;
  if (!mayAsk(context)) throw needsConfirmation(question);
  if (!(await context.terminal.confirm(plainLines(question)))) throw notConfirmed('Not confirmed.');
}

/** A large loss: `--yes`, or `name` typed at the terminal, or `confirmation-required`. */
export async function confirmByName(
  context: Context,
  question: string,
  name: string,
): Promise<void> {
  if (context.yes) return;
  if (!mayAsk(context)) throw needsConfirmation(question);
  const typed = await context.terminal.line(plainLines(`${question}\nType ${name} to confirm: `));
  if (typed.trim() !== name.trim()) throw notConfirmed(`Not confirmed: that was not ${name}.`);
}

/** With --json a program reads the answers: nobody is there to be asked. */
function mayAsk({ terminal, json }: Context): boolean {
  return terminal.present && !json;
}

function notConfirmed(message: string): AppError {
  return new AppError('confirmation-required', message, { unharmed: 'Nothing was changed.' });
}

function needsConfirmation(question: string): AppError {
  return new AppError('confirmation-required', `This needs a confirmation. ${question}`, {
    unharmed: 'Nothing was changed.',
    advice: 'Add --yes if that is what you want.',
  });
}
