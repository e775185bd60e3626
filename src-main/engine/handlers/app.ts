import type { Handlers } from '#contract/contract.ts';
import type { AppInfo, FolderCheck, PracticeState } from '#contract/app.ts';
import { hasCode } from '#contract/errors.ts';
import { inspectRepository } from '#engine/store/repository.ts';
import { machineId } from '#engine/fleet/machine-view.ts';
import { nearestFolder } from '#engine/world/nearest-folder.ts';
import type { World } from '#engine/world/world.ts';
import type { Rooms } from '../engine.ts';

export function appHandlers(rooms: Rooms): Pick<Handlers, 'app.info' | 'folders.check'> {
  return {
    'app.info': () => appInfo(rooms),
    'folders.check': ({ path }) => checkFolder(rooms, path),
  };
}

export async function appInfo(rooms: Rooms): Promise<AppInfo> {
  const { options, secrets } = rooms;
  return {
    version: options.version,
    front: options.front,
    dataFolder: options.dataFolder,
    user: options.user,
    practice: await practiceState(rooms),
    keyStorage: await secrets.describe(),
  };
}

/** The practice machine, host and repository as the first screen shows them. */
async function practiceState({ catalog, practice, fleet }: Rooms): Promise<PracticeState> {
  const status = await practice.status();
  if (status.kind !== 'present') return status;
  const host = catalog.hosts.list().find((candidate) => candidate.practice);
  const repository = catalog.repositories.list().find((candidate) => candidate.practice);
  const machine =
    host === undefined
      ? undefined
      : fleet.machines(host.id).find((candidate) => candidate.uuid === status.uuid);
  return {
    kind: 'present',
    machine: host === undefined ? null : machineId(host.id, status.uuid),
    running: machine?.state === 'running',
    repository: repository?.id ?? null,
  };
}

/**
 * What a form shows beside a folder field. For one that does not exist: what making it would
 * meet.
 */
async function checkFolder({ world }: Rooms, path: string): Promise<FolderCheck> {
  const { files } = world;
  if (!path.startsWith('/') || path.includes('\0')) {
    return {
      path,
      exists: false,
      isFolder: false,
      empty: true,
      writable: false,
      freeBytes: null,
      repository: false,
    };
  }
  const exists = (await files.stat(path)) !== null;
  const names = exists ? await files.list(path).catch(() => null) : null;
  const at = exists ? path : await nearestFolder(files, path);
  return {
    path,
    exists,
    isFolder: names !== null,
    empty: !exists || names?.length === 0,
    writable: (!exists || names !== null) && (await files.may(at, 'write')),
    freeBytes: await files.freeBytes(at).catch(() => null),
    repository: names !== null && (await holdsRepository(world, path)),
  };
}

async function holdsRepository(world: World, path: string): Promise<boolean> {
  try {
    await inspectRepository(world, path);
    return true;
  } catch (thrown) {
    return hasCode(thrown, 'repository-too-new', 'repository-damaged');
  }
}
