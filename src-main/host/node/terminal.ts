/** The person at the terminal: questions, hidden input, and standard input as a whole. */
import { createInterface } from 'node:readline/promises';
import { AppError } from '#contract/errors.ts';
import { usage, type Terminal } from './command.ts';

const enter = new Set(['\r', '\n']);
const endOfInput = '\u0004';
const interrupt = '\u0003';
const erase = new Set(['\u007F', '\b']);

/** Ctrl+C and Ctrl+D are answers too: `cancelled`. */
async function line(prompt: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await lines.question(prompt);
  } catch (thrown) {
    const unharmed = 'Nothing was changed.';
    throw new AppError('cancelled', 'Cancelled.', { unharmed }, thrown);
  } finally {
    lines.close();
  }
}

async function confirm(question: string): Promise<boolean> {
  return /^y(es)?$/i.test((await line(`${question} [y/N] `)).trim());
}

/** Raw mode, so that nothing typed is shown; Ctrl+C still ends the command. */
function secret(prompt: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(prompt);
  return new Promise((resolve) => {
    let typed: string[] = [];
    const take = (text: string) => {
      for (const key of text) {
        if (enter.has(key) || key === endOfInput) {
          stdin.off('data', take);
          stdin.setRawMode(false);
          stdin.pause();
          stderr.write('\n');
          resolve(typed.join(''));
          return;
        }
        if (key === interrupt) {
          stdin.setRawMode(false);
          stderr.write('\n');
          process.exit(130);
        }
        if (erase.has(key)) typed = typed.slice(0, -1);
        else typed.push(key);
      }
    };
    stdin.setRawMode(true);
    stdin.setEncoding('utf8');
    stdin.on('data', take);
    stdin.resume();
  });
}

async function readAll(maxBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of process.stdin as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > maxBytes) throw usage('Standard input is too long for a password.');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

export const realTerminal: Terminal = {
  present: process.stdin.isTTY && process.stderr.isTTY,
  confirm,
  line,
  secret,
  stdin: readAll,
};
