import type { Handlers } from '#contract/contract.ts';
import { AppError } from '#contract/errors.ts';

type Calls = Extract<keyof Handlers, `background.${string}`>;

function later(): Promise<never> {
  return Promise.reject(new AppError('unsupported', 'Not built yet.'));
}

export function backgroundHandlers(): Pick<Handlers, Calls> {
  return {
    'background.get': later,
    'background.service': later,
    'background.autostart': later,
  };
}
