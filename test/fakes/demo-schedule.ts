import type { Handlers } from '#contract/contract.ts';
import { AppError } from '#contract/errors.ts';

type Calls = Extract<
  keyof Handlers,
  | `plans.${string}`
  | `plan-runs.${string}`
  | `channels.${string}`
  | `background.${string}`
  | 'report.make'
  | 'points.pin'
  | 'points.removed'
  | 'points.take-back'
  | 'repositories.plan-clean-up'
  | 'repositories.clean-up'
>;

function later(): Promise<never> {
  return Promise.reject(new AppError('unsupported', 'Not built yet.'));
}

export function scheduleHandlers(): Pick<Handlers, Calls> {
  return {
    'plans.list': later,
    'plans.get': later,
    'plans.create': later,
    'plans.change': later,
    'plans.remove': later,
    'plans.bring-back': later,
    'plans.check': later,
    'plans.preview': later,
    'plans.run': later,
    'plans.run-due': later,
    'plans.pause': later,
    'plans.resume': later,
    'plans.runs': later,
    'plans.times': later,
    'plan-runs.run-now': later,
    'plan-runs.skip': later,
    'points.pin': later,
    'points.removed': later,
    'points.take-back': later,
    'repositories.plan-clean-up': later,
    'repositories.clean-up': later,
    'channels.get': later,
    'channels.set': later,
    'channels.test': later,
    'report.make': later,
    'background.get': later,
    'background.service': later,
    'background.autostart': later,
  };
}
