/** waymark repository … */
import { resolve } from 'node:path';
import type { Client } from '#contract/client.ts';
import type { KeyStorage, Repository, VerifyReport } from '#contract/domain.ts';

import {
  flag,
  operand,
  textValue,
  usage,
  type Command,
  type Context,
  type Option,
} from '../command.ts';
import { findRepository } from '../find.ts';
import { follow, unexpectedResult, type Ended } from '../follow.ts';
import { exitCodes, type ExitCode } from '../output.ts';
import {
  createRecoveryFile,
  newPassword,
  password,
  passwordFileOption,
  unlock,
} from '../secrets.ts';
import { duration, plain, sheet, size, table, verifiedWords } from '../words.ts';
import { cleanUpCommand } from './clean-up.ts';

const askEveryTime: Option = {
  type: 'boolean',
  help: 'do not remember the key: every command then takes --password-file',
};

const storageWords: Readonly<Record<KeyStorage, string>> = {
  'secret-service': "The key is remembered in the desktop's Secret Service.",
  file: 'The key is remembered in a file only you can read, in the data folder.',
  'asked-every-time': 'The key is not remembered: every command takes --password-file.',
  'not-needed': 'It is not encrypted: whoever can read the folder can read the machines.',
};

const create: Command = {
  name: 'repository create',
  operands: '<name> <path>',
  summary: 'make a new repository in an empty or new folder',
  options: {
    'password-file': passwordFileOption,
    'recovery-file': {
      type: 'string',
      value: 'FILE',
      help: 'write the recovery code to this new file instead of printing it',
    },
    'no-encryption': { type: 'boolean', help: 'store without encryption' },
    'ask-every-time': askEveryTime,
  },
  count: { min: 2, max: 2 },
  async run(context) {
    const open = flag(context, 'no-encryption');
    if (open && textValue(context, 'password-file') !== undefined) {
      throw usage('Either --password-file or --no-encryption, not both.');
    }
    const recoveryPath = textValue(context, 'recovery-file');
    if (open && recoveryPath !== undefined) {
      throw usage('Without encryption there is no recovery code to write.');
    }
    const secret = open ? null : await newPassword(context, 'password-file', 'New password');
    const client = await context.client();
    const file = recoveryPath === undefined ? null : createRecoveryFile(resolve(recoveryPath));
    let made: { readonly repository: Repository; readonly recoveryCode: string | null };
    try {
      made = await client.call('repositories.create', {
        name: operand(context, 0),
        path: resolve(operand(context, 1)),
        password: secret,
        remember: !flag(context, 'ask-every-time'),
      });
    } catch (thrown) {
      file?.drop();
      throw thrown;
    }
    printCreated(context, made.repository, made.recoveryCode, file);
    return exitCodes.done;
  },
};

function printCreated(
  context: Context,
  repository: Repository,
  recoveryCode: string | null,
  file: ReturnType<typeof createRecoveryFile> | null,
): void {
  const words = [
    `${plain(repository.name)} is created in ${plain(repository.path)}.`,
    storageWords[repository.keyStorage],
  ];
  if (recoveryCode === null) file?.drop();
  else if (file !== null) {
    file.keep(recoverySheet(repository, recoveryCode));
    words.push('The recovery code is in the file you named. Keep it away from this computer.');
  } else {
    words.push(
      '',
      `Recovery code: ${recoveryCode}`,
      'It is shown only now. Password or code opens the repository; without both, nothing does.',
    );
  }
  // In a file, the code is nowhere else: not on a screen, not in a log of this command.
  const shown = file === null ? recoveryCode : null;
  context.output.result({ repository, recoveryCode: shown }, () => words.join('\n'));
}

function recoverySheet(repository: Repository, code: string): string {
  return [
    'Waymark recovery code',
    `Repository: ${repository.name} (${repository.id})`,
    `Folder:     ${repository.path}`,
    '',
    code,
    '',
    'Password or code opens the repository. Without both, what is in it is lost.',
    '',
  ].join('\n');
}

const add: Command = {
  name: 'repository add',
  operands: '<name> <path>',
  summary: 'use a repository that exists, made anywhere',
  options: {
    'password-file': passwordFileOption,
    'no-encryption': { type: 'boolean', help: 'it is not encrypted' },
    'ask-every-time': askEveryTime,
  },
  count: { min: 2, max: 2 },
  details: 'The recovery code is taken in place of the password.',
  async run(context) {
    const open = flag(context, 'no-encryption');
    const secret = open ? null : await password(context, 'password-file', 'Password');
    const client = await context.client();
    const repository = await client.call('repositories.add', {
      name: operand(context, 0),
      path: resolve(operand(context, 1)),
      password: secret,
      remember: !flag(context, 'ask-every-time'),
    });
    context.output.result({ repository }, () =>
      [
        `${plain(repository.name)} is added: ${repository.pointCount} restore points of ` +
          `${repository.machineCount} machines.`,
        storageWords[repository.keyStorage],
      ].join('\n'),
    );
    return exitCodes.done;
  },
};

const change: Command = {
  name: 'repository password',
  operands: '<name>',
  summary: 'change the password; no block is written again',
  options: {
    'password-file': passwordFileOption,
    'new-password-file': {
      type: 'string',
      value: 'FILE',
      help: 'read the new password from FILE (- for standard input)',
    },
  },
  count: { min: 1, max: 1 },
  async run(context) {
    const files = ['password-file', 'new-password-file'].map((name) => textValue(context, name));
    if (files[0] === '-' && files[1] === '-') {
      throw usage('Standard input can give one password, not both.');
    }
    const old = await password(context, 'password-file', 'Password now');
    const next = await newPassword(context, 'new-password-file', 'New password');
    const client = await context.client();
    const repository = await findRepository(client, operand(context, 0));
    await client.call('repositories.password', {
      repository: repository.id,
      password: old,
      newPassword: next,
    });
    context.output.result({ repository }, () => 'The password is changed.');
    return exitCodes.done;
  },
};

function stateWords(repository: Repository): string {
  return repository.state.kind === 'unavailable'
    ? repository.state.error.message
    : repository.state.kind;
}

const list: Command = {
  name: 'repository list',
  operands: '',
  summary: 'the repositories and what is in them',
  options: {},
  count: { min: 0, max: 0 },
  async run(context) {
    const repositories = await (await context.client()).call('repositories.list', {});
    context.output.result({ repositories }, () => {
      if (repositories.length === 0) {
        return 'No repositories yet. Make one: waymark repository create <name> <path>';
      }
      return table(
        ['name', 'path', 'state', 'encrypted', 'points', 'used', 'free'],
        repositories.map((one) => [
          one.name,
          one.path,
          stateWords(one),
          one.encrypted ? 'yes' : 'no',
          String(one.pointCount),
          size(one.usedBytes),
          one.freeBytes === null ? 'unknown' : size(one.freeBytes),
        ]),
      );
    });
    return exitCodes.done;
  },
};

const show: Command = {
  name: 'repository show',
  operands: '<name>',
  summary: 'one repository in full',
  options: { 'password-file': passwordFileOption },
  count: { min: 1, max: 1 },
  async run(context) {
    const client = await context.client();
    let repository = await findRepository(client, operand(context, 0));
    if (textValue(context, 'password-file') !== undefined) {
      await unlock(context, client, repository);
      repository = await findRepository(client, repository.id);
    }
    context.output.result({ repository }, () =>
      sheet([
        ['Name', repository.name],
        ['Id', repository.id],
        ['Path', repository.path],
        ['State', stateWords(repository)],
        ['Encrypted', repository.encrypted ? 'yes' : 'no'],
        ['Key', storageWords[repository.keyStorage]],
        ['Block size', size(repository.blockSizeBytes)],
        ['Points', `${repository.pointCount} of ${repository.machineCount} machines`],
        ['Used', size(repository.usedBytes)],
        ['Disks in points', size(repository.logicalBytes)],
        ['Free', repository.freeBytes === null ? 'unknown' : size(repository.freeBytes)],
        ['Verified', verifiedWords(repository.lastVerified)],
      ]),
    );
    return exitCodes.done;
  },
};

/** What a verification found: 0 when all is good, else 1 with `repository-damaged`. */
export function printVerify(context: Context, ended: Ended): ExitCode {
  const { result, exitCode, job } = ended;
  if (result?.kind !== 'verify') throw unexpectedResult(job);
  const { report } = result;
  context.output.result({ report, seconds: report.seconds }, () => reportWords(report));
  return report.damage.length > 0 ? exitCodes.failed : exitCode;
}

function reportWords(report: VerifyReport): string {
  const looked =
    `${report.pointsChecked} points, ${report.blocksChecked} blocks, ` +
    `${size(report.bytesRead)} read in ${duration(report.seconds)}`;
  if (report.damage.length === 0) return `Good: ${looked}.`;
  return [
    `DAMAGED: ${report.damage.length} findings. ${looked}.`,
    table(
      ['what', 'id', 'detail', 'points'],
      report.damage.map(({ what, id, detail, points }) => [what, id, detail, points.join(' ')]),
    ),
  ].join('\n');
}

async function opened(context: Context): Promise<{ client: Client; repository: Repository }> {
  const client = await context.client();
  const repository = await findRepository(client, operand(context, 0));
  await unlock(context, client, repository);
  return { client, repository };
}

const verify: Command = {
  name: 'repository verify',
  operands: '<name>',
  summary: 'check that every restore point is whole',
  options: {
    'read-data': { type: 'boolean', help: 'read and check every block, not only the structure' },
    'password-file': passwordFileOption,
  },
  count: { min: 1, max: 1 },
  async run(context) {
    const { client, repository } = await opened(context);
    const readData = flag(context, 'read-data');
    const ended = await follow(context, client, () =>
      client.call('repositories.verify', { repository: repository.id, readData }),
    );
    return printVerify(context, ended);
  },
};

const rebuild: Command = {
  name: 'repository rebuild',
  operands: '<name>',
  summary: 'build its index and catalog again from its own files',
  options: { 'password-file': passwordFileOption },
  count: { min: 1, max: 1 },
  async run(context) {
    const { client, repository } = await opened(context);
    const started = context.now();
    const { result, exitCode, job } = await follow(context, client, () =>
      client.call('repositories.rebuild', { repository: repository.id }),
    );
    if (result?.kind !== 'other') throw unexpectedResult(job);
    const seconds = (context.now() - started) / 1000;
    context.output.result({ summary: result.summary, seconds }, () => plain(result.summary));
    return exitCode;
  },
};

const remove: Command = {
  name: 'repository remove',
  operands: '<name>',
  summary: 'forget a repository; its folder is not touched',
  options: {},
  count: { min: 1, max: 1 },
  async run(context) {
    const client = await context.client();
    const repository = await findRepository(client, operand(context, 0));
    await client.call('repositories.remove', { repository: repository.id });
    context.output.result(
      { removed: repository },
      () => `${plain(repository.name)} is forgotten. ${plain(repository.path)} is as it was.`,
    );
    return exitCodes.done;
  },
};

export const repositoryCommands: readonly Command[] = [
  ...[create, add, change, list, show, verify, cleanUpCommand, rebuild, remove],
];
