/** Commands the command line will have; until then each says so and ends with wrong usage. */
import { AppError } from '#contract/errors.ts';

export function notYet(name: string): AppError {
  return new AppError('unsupported', `waymark ${name} is not in this version yet.`, {
    command: name,
    unharmed: 'Nothing was started.',
  });
}

const names = ['repository repair', 'point diff'];

/** True for a command of a later version, whatever follows it. */
export function isLater(words: readonly string[]): string | null {
  const [noun = '', verb = ''] = words;
  return names.find((name) => name === `${noun} ${verb}`) ?? null;
}
