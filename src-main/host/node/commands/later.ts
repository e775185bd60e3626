/** Commands the command line will have; until then each says so and ends with wrong usage. */
import { AppError } from '#contract/errors.ts';
import type { Command } from '../command.ts';

export function notYet(name: string): AppError {
  return new AppError('unsupported', `waymark ${name} is not in this version yet.`, {
    command: name,
    unharmed: 'Nothing was started.',
  });
}

const names = [
  'repository gc',
  'repository repair',
  'point diff',
  'plan list',
  'plan create',
  'plan run',
  'plan run-due',
  'plan preview',
  'plan remove',
];

/** True for a command of a later version, whatever follows it. */
export function isLater(words: readonly string[]): string | null {
  const [noun = '', verb = ''] = words;
  return names.find((name) => name === `${noun} ${verb}`) ?? null;
}

/** Nouns of which every command comes later. */
export function isLaterNoun(noun: string, commands: readonly Command[]): boolean {
  const here = commands.some(({ name }) => name.split(' ')[0] === noun);
  return !here && names.some((name) => name.startsWith(`${noun} `));
}
