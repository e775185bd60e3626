/**
 * Where a repository's master key is kept so that plans run unattended: the desktop's Secret
 * Service through `secret-tool` where it answers, else a file of mode 0600 in the data folder.
 *
 * Promises: a key never appears in an argument list, an environment or a log; what `store` returns
 * is where the key really went, read back once; forgetting removes it from both places.
 * Does not: hold passwords, or ask anyone.
 */
import { join } from 'node:path';
import { AppError, hasCode } from '#contract/errors.ts';
import type { Files } from './files.ts';
import type { Processes } from './processes.ts';

export interface SecretPlace {
  readonly kind: 'secret-service' | 'file';
  /** For a person: "in the desktop's keyring". */
  readonly words: string;
}

export interface Secrets {
  /** Where a key stored now would go. */
  describe(): Promise<SecretPlace>;
  /** @throws the file's error when it can be kept nowhere */
  store(repositoryId: string, key: Buffer): Promise<SecretPlace>;
  /** Null when none is kept. */
  load(repositoryId: string): Promise<Buffer | null>;
  forget(repositoryId: string): Promise<void>;
}

export interface SecretsOptions {
  /** Added to the environment of secret-tool. */
  readonly env?: Readonly<Record<string, string>>;
  /** How long a question without a person in it may take, in milliseconds. */
  readonly probeTimeoutMs?: number;
}

/** A person may have to unlock the keyring; milliseconds. */
const unlockTimeoutMs = 60_000;
const defaultProbeTimeoutMs = 5000;
export const maxKeyBytes = 256;
const maxKeyFileBytes = 4096;
const privateFile = 0o600;
const tool = 'secret-tool';

export function createSecrets(
  processes: Processes,
  files: Files,
  dataFolder: string,
  options: SecretsOptions = {},
): Secrets {
  const keyring = openKeyring(processes, options);
  const folder = join(dataFolder, 'keys');
  const inFile: SecretPlace = { kind: 'file', words: `in a file only you can read, in ${folder}` };
  const atKeyring: SecretPlace = { kind: 'secret-service', words: 'in the keyring of the desktop' };
  const pathOf = (id: string) => join(folder, `${id}.key`);
  return {
    describe: async () => ((await keyring.answers()) ? atKeyring : inFile),
    store: async (repositoryId, key) => {
      const id = checkId(repositoryId);
      if (key.length === 0 || key.length > maxKeyBytes) {
        throw new AppError('invalid-input', `A key has 1 to ${maxKeyBytes} bytes.`);
      }
      if ((await keyring.answers()) && (await keyring.store(id, key))) {
        await files.remove(pathOf(id)); // an older copy must not outlive the move
        return atKeyring;
      }
      await files.makeFolder(folder);
      await files.writeDurable(pathOf(id), Buffer.from(`${key.toString('base64')}\n`), privateFile);
      return inFile;
    },
    load: async (repositoryId) => {
      const id = checkId(repositoryId);
      const path = pathOf(id);
      if ((await files.stat(path)) !== null) return readKeyFile(files, path);
      return (await keyring.answers()) ? keyring.load(id) : null;
    },
    forget: async (repositoryId) => {
      const id = checkId(repositoryId);
      await files.remove(pathOf(id));
      if (await keyring.answers()) await keyring.forget(id);
    },
  };
}

/** An id becomes a file name and an argument: nothing that could be a path or an option. */
function checkId(repositoryId: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/.test(repositoryId)) return repositoryId;
  throw new AppError('invalid-input', 'This is not the id of a repository.');
}

async function readKeyFile(files: Files, path: string): Promise<Buffer> {
  const stat = await files.stat(path);
  if (stat?.kind !== 'file') {
    throw new AppError('path-invalid', `${path} is not a file.`, { path });
  }
  if (stat.mode !== privateFile) await files.chmod(path, privateFile);
  const key = decode((await files.read(path, maxKeyFileBytes)).toString('ascii'));
  if (key !== null) return key;
  throw new AppError('file-failed', `The key file ${path} is damaged.`, {
    path,
    unharmed: 'The repository itself is not touched.',
    advice: 'Open the repository with its password once more.',
  });
}

/** The key in base64 text, or null when it is none. */
function decode(text: string): Buffer | null {
  const trimmed = text.trim();
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(trimmed)) return null;
  const key = Buffer.from(trimmed, 'base64');
  return key.length > 0 && key.length <= maxKeyBytes ? key : null;
}

interface Keyring {
  answers(): Promise<boolean>;
  /** False when it could not be kept. */
  store(id: string, key: Buffer): Promise<boolean>;
  load(id: string): Promise<Buffer | null>;
  forget(id: string): Promise<void>;
}

function openKeyring(processes: Processes, options: SecretsOptions): Keyring {
  const { env = {}, probeTimeoutMs = defaultProbeTimeoutMs } = options;
  const attributes = (id: string) => ['application', 'waymark', 'repository', id];
  const ask = (args: readonly string[], timeoutMs: number, input?: string) =>
    processes.run(tool, args, { env, timeoutMs, ...(input === undefined ? {} : { input }) });
  const load = async (id: string) => {
    const { code, stdout } = await ask(['lookup', ...attributes(id)], unlockTimeoutMs);
    return code === 0 ? decode(stdout) : null;
  };
  return {
    answers: async () => {
      try {
        // Nothing is kept under this id, so nobody is asked to unlock anything. A service that
        // answers says so by silence (code 1); one that cannot be reached prints why.
        const { code, stderr } = await ask(['lookup', ...attributes('probe')], probeTimeoutMs);
        return code === 0 || (code === 1 && stderr.trim() === '');
      } catch (thrown) {
        if (isNoAnswer(thrown)) return false;
        throw thrown;
      }
    },
    store: async (id, key) => {
      const label = `--label=Waymark repository ${id}`;
      try {
        const args = ['store', label, ...attributes(id)];
        const { code } = await ask(args, unlockTimeoutMs, key.toString('base64'));
        return code === 0 && (await load(id))?.equals(key) === true;
      } catch (thrown) {
        if (isNoAnswer(thrown)) return false;
        throw thrown;
      }
    },
    load,
    forget: async (id) => {
      await ask(['clear', ...attributes(id)], unlockTimeoutMs);
    },
  };
}

/** Not installed, or it took too long: the file is used instead, and `store` says so. */
function isNoAnswer(thrown: unknown): boolean {
  return hasCode(thrown, 'tool-missing', 'internal');
}
