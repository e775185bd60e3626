import type { Handlers } from '#contract/contract.ts';
import { AppError } from '#contract/errors.ts';

export function planPreviewHandlers(): Pick<Handlers, 'plans.preview'> {
  return {
    'plans.preview': () => Promise.reject(new AppError('unsupported', 'Not built yet.')),
  };
}
