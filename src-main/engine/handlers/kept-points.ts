import type { Handlers } from '#contract/contract.ts';
import { AppError } from '#contract/errors.ts';

type Calls = Extract<
  keyof Handlers,
  | 'points.pin'
  | 'points.removed'
  | 'points.take-back'
  | 'repositories.plan-clean-up'
  | 'repositories.clean-up'
>;

function later(): Promise<never> {
  return Promise.reject(new AppError('unsupported', 'Not built yet.'));
}

export function keptPointHandlers(): Pick<Handlers, Calls> {
  return {
    'points.pin': later,
    'points.removed': later,
    'points.take-back': later,
    'repositories.plan-clean-up': later,
    'repositories.clean-up': later,
  };
}
