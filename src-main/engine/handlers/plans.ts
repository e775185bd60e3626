import type { Handlers } from '#contract/contract.ts';
import { AppError } from '#contract/errors.ts';

type Calls = Exclude<
  Extract<keyof Handlers, `plans.${string}` | `plan-runs.${string}`>,
  'plans.preview'
>;

function later(): Promise<never> {
  return Promise.reject(new AppError('unsupported', 'Not built yet.'));
}

export function planHandlers(): Pick<Handlers, Calls> {
  return {
    'plans.list': later,
    'plans.get': later,
    'plans.create': later,
    'plans.change': later,
    'plans.remove': later,
    'plans.bring-back': later,
    'plans.check': later,
    'plans.run': later,
    'plans.run-due': later,
    'plans.pause': later,
    'plans.resume': later,
    'plans.runs': later,
    'plans.times': later,
    'plan-runs.run-now': later,
    'plan-runs.skip': later,
  };
}
