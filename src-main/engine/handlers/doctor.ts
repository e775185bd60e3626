/** The doctor's examination of one machine, with what it is handed of the other rooms. */
import type { Handlers } from '#contract/contract.ts';
import type { RepositoryId } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import { jobOwner } from '#engine/backup/pull-job.ts';
import type { BackupJournal } from '#engine/backup/run.ts';
import type { RepositoryRecord } from '#engine/catalog/repositories.ts';
import type { Examination } from '#engine/checkpoint/diagnosis.ts';
import type { KnownRepository, PointSources } from '#engine/checkpoint/evidence.ts';
import { examine } from '#engine/checkpoint/examine.ts';
import type { FoundMachine } from '#engine/fleet/fleet.ts';
import type { MachineFacts } from '#engine/interlock/facts.ts';
import { ulidTime } from '#engine/world/ids.ts';
import type { Rooms } from '../engine.ts';
import { factsOf, workFolderOf } from './changes.ts';

export function doctorHandlers(rooms: Rooms): Pick<Handlers, 'doctor.examine'> {
  return {
    'doctor.examine': async ({ machine, details }) => {
      const found = rooms.fleet.find(machine);
      const facts = await factsOf(rooms, found);
      return (await examineMachine(rooms, found, facts, details)).report;
    },
  };
}

/** `details` also asks QEMU itself, which marks a running machine as tainted. */
export async function examineMachine(
  rooms: Rooms,
  { hypervisor }: FoundMachine,
  facts: MachineFacts,
  details: boolean,
): Promise<Examination> {
  const { world, catalog } = rooms;
  const workFolder = await workFolderOf(rooms, hypervisor, facts);
  const used = catalog.journals
    .openJournals()
    .filter(({ kind }) => kind === 'backup')
    .map(({ data }) => (data as unknown as BackupJournal).workFolder);
  const abandoned = facts.waymarkJob === null && !used.includes(workFolder);
  const repositories = await Promise.all(
    catalog.repositories.list().map((repository) => knownTo(rooms, repository, facts.uuid)),
  );
  const left = abandoned && facts.libvirtJob === 'backup';
  const ours = left && (await jobOwner(hypervisor, facts.uuid, workFolder)) === 'ours';
  const parts = {
    world,
    hypervisor,
    installation: catalog.settings.installation(),
    repositories,
    sourcesOf: (repository: string, point: string) =>
      sourcesOf(rooms, repository as RepositoryId, point, facts.uuid),
    workFolders: abandoned ? [workFolder] : [],
    leftOverJob: ours ? workFolder : null,
  };
  return examine(parts, facts, { details });
}

/** The repository itself is asked: the catalog's list of points is only a cache. */
async function knownTo(
  { shelf }: Rooms,
  { id, name }: RepositoryRecord,
  uuid: string,
): Promise<KnownRepository> {
  try {
    const all = await (await shelf.open(id)).listPoints();
    const own = all.filter(({ machineUuid }) => machineUuid === uuid);
    return { id, name, points: own.map((point) => ({ id: point.id, time: ulidTime(point.id) })) };
  } catch (thrown) {
    if (thrown instanceof AppError) return { id, name, points: null };
    throw thrown;
  }
}

/** As its manifest says; null when that cannot be read. */
async function sourcesOf(
  { shelf }: Rooms,
  repository: RepositoryId,
  point: string,
  uuid: string,
): Promise<PointSources | null> {
  try {
    const { disks } = await (await shelf.open(repository)).readPoint(point, uuid);
    return new Map(disks.map(({ target, source }) => [target, source]));
  } catch (thrown) {
    if (thrown instanceof AppError) return null;
    throw thrown;
  }
}
