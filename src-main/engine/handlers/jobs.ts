import type { Handlers } from '#contract/contract.ts';
import type { Rooms } from '../engine.ts';
import { answer } from './answer.ts';

type Calls = 'jobs.list' | 'jobs.get' | 'jobs.cancel' | 'history.list';

export function jobHandlers({ jobs, catalog }: Rooms): Pick<Handlers, Calls> {
  return {
    'jobs.list': ({ all }) => answer(() => jobs.list(all)),
    'jobs.get': ({ job }) => answer(() => jobs.get(job)),
    'jobs.cancel': ({ job }) => answer(() => jobs.cancel(job)),
    'history.list': ({ before, limit }) => answer(() => catalog.runs.listRuns(before, limit)),
  };
}
