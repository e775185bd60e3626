import type { Handlers } from '#contract/contract.ts';
import type { Rooms } from '../engine.ts';

type Calls = 'jobs.list' | 'jobs.get' | 'jobs.cancel' | 'history.list';

export function jobHandlers({ jobs, catalog }: Rooms): Pick<Handlers, Calls> {
  return {
    'jobs.list': ({ all }) => Promise.resolve(jobs.list(all)),
    'jobs.get': ({ job }) => Promise.resolve(jobs.get(job)),
    'jobs.cancel': ({ job }) => Promise.resolve(jobs.cancel(job)),
    'history.list': ({ before, limit }) => Promise.resolve(catalog.runs.listRuns(before, limit)),
  };
}
