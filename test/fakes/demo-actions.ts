/** Snapshots and checkpoints of the pretend machines. */
import type { Handlers } from '#contract/contract.ts';
import { AppError } from '#contract/errors.ts';

type Calls =
  | 'actions.plan'
  | 'actions.start'
  | 'unfinished.list'
  | 'unfinished.resolve'
  | 'snapshots.picture'
  | 'checkpoints.states'
  | 'doctor.examine';

export function actionHandlers(): Pick<Handlers, Calls> {
  const later = () =>
    Promise.reject(new AppError('unsupported', 'This is not in this version yet.'));
  return {
    'actions.plan': later,
    'actions.start': later,
    'unfinished.list': () => Promise.resolve([]),
    'unfinished.resolve': later,
    'snapshots.picture': () => Promise.resolve(null),
    'checkpoints.states': later,
    'doctor.examine': later,
  };
}
