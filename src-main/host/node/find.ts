/** Names as people write them → the records they mean. */
import type { Client } from '#contract/client.ts';
import type { Host, Machine, Point, Repository } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { Unfinished } from '#contract/moments.ts';
import type { Plan } from '#contract/plans.ts';

const maxCandidates = 20;

/** A machine by name, uuid, or `host/name`; `machine-ambiguous` lists what it could mean. */
export async function findMachine(client: Client, wanted: string): Promise<Machine> {
  const machines = await client.call('machines.list', { host: null });
  const matches = matchMachines(machines, wanted);
  const [only] = matches;
  if (only === undefined) {
    const hosts = await client.call('hosts.list', {});
    const down = hosts.filter((host) => host.state.kind === 'failed');
    throw new AppError('machine-not-found', `There is no machine ${wanted}.`, {
      machine: wanted,
      advice:
        down.length > 0
          ? `It may be on ${down.map((host) => host.name).join(', ')}, which cannot be reached: ` +
            'see waymark host list.'
          : 'See waymark machine list.',
    });
  }
  if (matches.length === 1) return only;
  throw new AppError('machine-ambiguous', `There is more than one machine ${wanted}.`, {
    candidates: matches
      .slice(0, maxCandidates)
      .map((machine) => `${machine.host.name}/${machine.name} (${machine.uuid})`),
    advice: 'Write host/name, or the uuid.',
  });
}

/** An id or uuid beats a name, and a name beats a `host/name`, for a name has no slash. */
function matchMachines(machines: readonly Machine[], wanted: string): readonly Machine[] {
  const lower = wanted.toLowerCase();
  const exact = machines.filter(({ id, uuid }) => id === wanted || uuid === lower);
  if (exact.length > 0) return exact;
  const named = machines.filter(({ name }) => name === wanted);
  if (named.length > 0) return named;
  return machines.filter(({ host, name }) =>
    [`${host.name}/${name}`, `${host.id}/${name}`].includes(wanted),
  );
}

export async function findHost(client: Client, wanted: string): Promise<Host> {
  const hosts = await client.call('hosts.list', {});
  const found =
    hosts.find((host) => host.name === wanted) ?? hosts.find((host) => host.id === wanted);
  if (found !== undefined) return found;
  throw new AppError('host-not-found', `There is no host ${wanted}.`, {
    advice: 'See waymark host list.',
  });
}

export async function findRepository(client: Client, wanted: string): Promise<Repository> {
  const all = await client.call('repositories.list', {});
  const found = all.find(({ name }) => name === wanted) ?? all.find(({ id }) => id === wanted);
  if (found !== undefined) return found;
  throw new AppError('repository-not-found', `There is no repository ${wanted}.`, {
    advice: 'See waymark repository list.',
  });
}

/** A plan by name or id; a name beats an id. */
export async function findPlan(client: Client, wanted: string): Promise<Plan> {
  const plans = await client.call('plans.list', {});
  const found = plans.find(({ name }) => name === wanted) ?? plans.find(({ id }) => id === wanted);
  if (found !== undefined) return found;
  throw new AppError('plan-not-found', `There is no plan ${wanted}.`, {
    advice: 'See waymark plan list.',
  });
}

/** A restore point by id or a unique beginning of it. */
export async function findPoint(client: Client, wanted: string): Promise<Point> {
  const points = await client.call('points.list', { machineUuid: null, repository: null });
  const exact = points.find((point) => point.id === wanted);
  if (exact !== undefined) return exact;
  const start = wanted.toLowerCase();
  const matches = points.filter((point) => point.id.toLowerCase().startsWith(start));
  const [only] = matches;
  if (only === undefined) {
    throw new AppError('point-not-found', `There is no restore point ${wanted}.`, {
      advice: 'See waymark point list.',
    });
  }
  if (matches.length === 1) return only;
  throw new AppError('invalid-input', `More than one restore point begins with ${wanted}.`, {
    candidates: matches.slice(0, maxCandidates).map((point) => point.id),
    advice: 'Write more of its id.',
  });
}

/** A change that was cut off, by id or a unique beginning of it. */
export async function findUnfinished(client: Client, wanted: string): Promise<Unfinished> {
  const all = await client.call('unfinished.list', {});
  const start = wanted.toLowerCase();
  const exact = all.filter(({ id }) => id === wanted);
  const matches =
    exact.length > 0 ? exact : all.filter(({ id }) => id.toLowerCase().startsWith(start));
  const [only] = matches;
  if (only === undefined) {
    throw new AppError('not-found', `There is no change ${wanted} that was cut off.`, {
      advice: 'See waymark change list.',
    });
  }
  if (matches.length === 1) return only;
  throw new AppError('invalid-input', `More than one change begins with ${wanted}.`, {
    candidates: matches.slice(0, maxCandidates).map(({ id, title }) => `${id}: ${title}`),
    advice: 'Write more of its id.',
  });
}
