/** Passwords: from a file, from stdin, or typed; never from an argument or the environment. */
import { closeSync, fchmodSync, fsyncSync, openSync, readFileSync, rmSync } from 'node:fs';
import { statSync, writeSync } from 'node:fs';
import type { Client } from '#contract/client.ts';
import { maxPasswordLength } from '#contract/inputs.ts';
import type { Repository } from '#contract/domain.ts';
import { AppError, hasCode } from '#contract/errors.ts';
import { textValue, usage, type Context, type Option } from './command.ts';

export const passwordFileOption: Option = {
  type: 'string',
  value: 'FILE',
  help: 'read the password from FILE (- for standard input)',
};

/** UTF-8 takes at most four bytes a character; one line break at the end is not part of it. */
const maxFileBytes = maxPasswordLength * 4 + 2;

async function readSecret(context: Context, path: string): Promise<string> {
  let text: string;
  if (path === '-') text = await context.terminal.stdin(maxFileBytes);
  else {
    try {
      if (statSync(path).size > maxFileBytes) throw usage(`${path} is too large for a password.`);
      text = readFileSync(path, 'utf8');
    } catch (thrown) {
      if (thrown instanceof AppError) throw thrown;
      throw new AppError('path-not-found', `The password file ${path} cannot be read.`, {
        path,
        unharmed: 'Nothing was started.',
      });
    }
  }
  const password = text.replace(/\r?\n$/, '');
  if (password === '') throw usage('The password is empty.');
  return password;
}

/** The password of an option, or typed at the terminal; wrong usage when there is neither. */
export async function password(context: Context, option: string, prompt: string): Promise<string> {
  const file = textValue(context, option);
  if (file !== undefined) return readSecret(context, file);
  if (!context.terminal.present) throw usage(`A password is needed: --${option} FILE.`);
  const typed = await context.terminal.secret(`${prompt}: `);
  if (typed === '') throw usage('The password is empty.');
  return typed;
}

/** A new one: typed twice when typed. */
export async function newPassword(
  context: Context,
  option: string,
  prompt: string,
): Promise<string> {
  const first = await password(context, option, prompt);
  if (textValue(context, option) !== undefined) return first;
  if ((await context.terminal.secret('Once more: ')) === first) return first;
  throw usage('The two passwords differ.');
}

/** Opens a repository whose key is not remembered, with `--password-file` or by asking. */
export async function unlock(
  context: Context,
  client: Client,
  repository: Repository,
): Promise<void> {
  if (repository.state.kind !== 'locked') return;
  if (textValue(context, 'password-file') === undefined && !context.terminal.present) {
    throw new AppError('repository-locked', `${repository.name} needs its password.`, {
      unharmed: 'Nothing was started.',
      advice: 'Add --password-file FILE.',
    });
  }
  const secret = await password(context, 'password-file', `Password of ${repository.name}`);
  await client.call('repositories.unlock', {
    repository: repository.id,
    password: secret,
    remember: false,
  });
}

/** With `--password-file`, opens every locked repository that this password opens. */
export async function unlockAll(context: Context, client: Client): Promise<void> {
  const file = textValue(context, 'password-file');
  if (file === undefined) return;
  const secret = await readSecret(context, file);
  let wrong: AppError | null = null;
  let opened = 0;
  const locked = (await client.call('repositories.list', {})).filter(
    ({ state }) => state.kind === 'locked',
  );
  for (const { id } of locked) {
    try {
      await client.call('repositories.unlock', {
        repository: id,
        password: secret,
        remember: false,
      });
      opened += 1;
    } catch (thrown) {
      if (!hasCode(thrown, 'wrong-password')) throw thrown;
      wrong = thrown;
    }
  }
  if (opened === 0 && wrong !== null) throw wrong;
}

/** A new file only this user can read, made before anything that could fail after it. */
export interface RecoveryFile {
  /** Writes the code durably. */
  keep(text: string): void;
  /** Removes the file again, because there is no code to keep. */
  drop(): void;
}

export function createRecoveryFile(path: string): RecoveryFile {
  let file: number;
  try {
    file = openSync(path, 'wx', 0o600);
  } catch (thrown) {
    const exists = (thrown as NodeJS.ErrnoException).code === 'EEXIST';
    throw new AppError(
      exists ? 'path-exists' : 'path-invalid',
      exists ? `${path} is there already.` : `${path} cannot be created.`,
      { path, unharmed: 'No repository was created.', advice: 'Choose another file.' },
      thrown,
    );
  }
  fchmodSync(file, 0o600);
  return {
    keep(text) {
      writeSync(file, text);
      fsyncSync(file);
      closeSync(file);
    },
    drop() {
      closeSync(file);
      rmSync(path, { force: true });
    },
  };
}
