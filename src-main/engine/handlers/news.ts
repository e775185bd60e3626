import type { Handlers } from '#contract/contract.ts';
import { AppError } from '#contract/errors.ts';

type Calls = Extract<keyof Handlers, `channels.${string}` | 'report.make'>;

function later(): Promise<never> {
  return Promise.reject(new AppError('unsupported', 'Not built yet.'));
}

export function newsHandlers(): Pick<Handlers, Calls> {
  return {
    'channels.get': later,
    'channels.set': later,
    'channels.test': later,
    'report.make': later,
  };
}
