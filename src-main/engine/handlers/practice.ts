import { join } from 'node:path';
import type { Handlers } from '#contract/contract.ts';
import { AppError } from '#contract/errors.ts';
import { machineId } from '#engine/fleet/machine-view.ts';
import type { JobContext } from '#engine/jobs/job-types.ts';
import type { Rooms } from '../engine.ts';
import { appInfo } from './app.ts';
import { answer } from './answer.ts';
import { refuseInUse } from './repositories.ts';

type Calls = Extract<keyof Handlers, `practice.${string}`>;

const hostName = 'Practice';
const repositoryName = 'Practice';

export function practiceHandlers(rooms: Rooms): Pick<Handlers, Calls> {
  const { jobs, practice } = rooms;
  const tell = async () => {
    rooms.emit('app.changed', await appInfo(rooms));
  };
  return {
    'practice.create': ({ repository }) =>
      answer(() =>
        jobs.start({
          kind: 'practice',
          title: 'Create the practice machine',
          machine: null,
          repository: null,
          cancelEffect: 'What was made so far is removed again.',
          run: async (context) => {
            await create(rooms, repository, context);
            await tell();
            return { kind: 'other', summary: 'The practice machine runs.' };
          },
        }),
      ),
    'practice.start': async () => {
      await practice.start();
      await tell();
      return null;
    },
    'practice.stop': async () => {
      await practice.stop();
      await tell();
      return null;
    },
    'practice.remove': async () => {
      refuseWhileBusy(rooms);
      await refuseForeignPoints(rooms);
      await remove(rooms);
      await tell();
      return null;
    },
  };
}

async function create(rooms: Rooms, withRepository: boolean, context: JobContext): Promise<void> {
  const { practice, catalog, fleet, shelf, options } = rooms;
  const { uri } = await context.step('Start the practice host', () => practice.ensureHost());
  // It may be repeated: it goes on after a creation that failed half way.
  await context.step('Create the practice machine', async () => {
    await practice.create();
  });
  const known = catalog.hosts.list().find((host) => host.practice);
  if (known === undefined) await fleet.add(hostName, uri, true);
  else await fleet.retry(known.id);
  if (!withRepository || catalog.repositories.list().some((one) => one.practice)) return;
  await context.step('Create the practice repository', () =>
    shelf.create({
      name: repositoryName,
      path: join(options.dataFolder, 'practice-repository'),
      password: null,
      remember: false,
      practice: true,
    }),
  );
}

function refuseWhileBusy({ catalog, fleet, jobs }: Rooms): void {
  const host = catalog.hosts.list().find((candidate) => candidate.practice);
  if (host === undefined) return;
  for (const { uuid, name } of fleet.machines(host.id)) {
    const job = jobs.ofMachine(machineId(host.id, uuid));
    if (job === null) continue;
    throw new AppError('machine-busy', `${name} is being worked on.`, {
      job,
      advice: 'Wait for that job, or cancel it.',
    });
  }
}

/** Restore points of a person's own machines never go with the practice. */
async function refuseForeignPoints(rooms: Rooms): Promise<void> {
  const { catalog, shelf, world } = rooms;
  for (const { id, name } of catalog.repositories.list().filter((one) => one.practice)) {
    refuseInUse(rooms, id);
    await shelf.sync(id).catch((thrown: unknown) => {
      world.log.warn('The practice repository was not read again', { thrown: String(thrown) });
    });
    const foreign = catalog.points
      .listPoints({ repository: id })
      .filter(({ host }) => host !== hostName);
    const [first] = foreign;
    if (first === undefined) continue;
    const machines = [...new Set(foreign.map(({ machine }) => machine.name))];
    throw new AppError(
      'refused',
      `${name} also holds restore points of ${machines.join(', ')}, which is no practice machine.`,
      {
        machines,
        unharmed: 'Nothing was removed.',
        advice: 'Back these machines up to another repository, then delete their points here.',
      },
    );
  }
}

/**
 * Everything the practice made goes: machine, repository with its restore points, and the host
 * unless machines restored from points live on it.
 */
async function remove({ practice, catalog, fleet, shelf, world }: Rooms): Promise<void> {
  const host = catalog.hosts.list().find((candidate) => candidate.practice);
  const { hostKept } = await practice.remove();
  if (host !== undefined && !hostKept) await fleet.remove(host.id);
  for (const repository of catalog.repositories.list().filter((one) => one.practice)) {
    await shelf.remove(repository.id);
    await world.files.removeTree(repository.path);
  }
}
