/**
 * After a crash: what open journals say is undone as soon as the host they are about answers. A
 * machine is only ever stopped by the rule that it is still paused by us and nobody resumed it.
 */
import type { HostId, RepositoryId } from '#contract/domain.ts';
import type { JsonValue } from '#contract/errors.ts';
import { recoverBackup } from '#engine/backup/recover.ts';
import type { BackupJournal } from '#engine/backup/run.ts';
import type { HostRecord } from '#engine/catalog/hosts.ts';
import type { Journal } from '#engine/catalog/journals.ts';
import {
  definingStep,
  madeStep,
  removePartials,
  undoRestore,
  type RestoreJournal,
} from '#engine/restore/run.ts';
import type { Rooms } from '../engine.ts';

export interface Recovery {
  /** Undoes what needs no host; call it before anything else starts. */
  begin(): Promise<void>;
  hostConnected(host: HostRecord): void;
  settled(): Promise<void>;
}

export function createRecovery(rooms: Rooms): Recovery {
  const { catalog, world } = rooms;
  let working: Promise<void> = Promise.resolve();
  /** Journals that were open at the start: those of this engine's own jobs are not left-overs. */
  let leftOver = new Set<string>();

  const recoverHost = async (host: HostRecord) => {
    for (const journal of catalog.journals.openJournals()) {
      const files = journal.data as unknown as RestoreJournal;
      if (needsHost(journal) && files.host === host.id && leftOver.has(journal.id)) {
        await attempt(rooms, journal, () => restoreOnHost(rooms, host, journal));
      }
      const about = journal.data as unknown as BackupJournal;
      if (journal.kind !== 'backup' || about.host !== host.id) continue;
      if (!leftOver.has(journal.id) && rooms.jobs.list(false).length > 0) continue;
      await attempt(rooms, journal, () => backup(rooms, host, journal, about));
    }
  };

  return {
    begin: async () => {
      const open = catalog.journals.openJournals();
      leftOver = new Set(open.map(({ id }) => id));
      for (const journal of open.filter((one) => one.kind === 'restore' && !needsHost(one))) {
        await attempt(rooms, journal, () => restore(rooms, journal));
      }
      for (const journal of open.filter(({ kind }) => kind === 'backup')) {
        const about = journal.data as unknown as BackupJournal;
        if (catalog.hosts.get(about.host as HostId) !== null) continue;
        catalog.journals.closeJournal(journal.id); // its host was forgotten: nothing to undo there
        world.log.warn('A cut-off backup on a forgotten host was dropped', { ...about });
      }
    },
    hostConnected: (host) => {
      working = working
        .then(() => recoverHost(host))
        .catch((thrown: unknown) => void world.log.error('Recovery failed', thrown));
    },
    settled: () => working,
  };
}

async function attempt(
  { world, catalog }: Rooms,
  journal: Journal,
  action: () => Promise<void>,
): Promise<void> {
  try {
    await action();
    catalog.journals.closeJournal(journal.id);
  } catch (thrown) {
    // It stays open and is tried again when the host connects the next time.
    world.log.error(`A cut-off ${journal.kind} could not be cleaned up yet`, thrown);
  }
}

async function backup(
  rooms: Rooms,
  host: HostRecord,
  journal: Journal,
  about: BackupJournal,
): Promise<void> {
  const { world, catalog, shelf } = rooms;
  const store = await shelf.open(about.repository as RepositoryId);
  const points = await store.listPoints();
  const hypervisor = await rooms.connect(host);
  try {
    await recoverBackup(world, hypervisor, about, {
      committed:
        journal.steps.some(({ step }) => step === 'committed') ||
        points.some(({ id }) => id === about.point),
      installation: catalog.settings.installation(),
    });
  } finally {
    await hypervisor.close();
  }
}

/** Whether only the host can say or undo what a cut-off restore left there. */
function needsHost({ kind, data, steps }: Journal): boolean {
  const { pool } = data as unknown as RestoreJournal;
  if (kind !== 'restore') return false;
  return pool !== null || steps.some(({ step }) => step === definingStep);
}

/** Paths that the journal says were finished. */
function madeBy(journal: Journal): readonly string[] {
  return journal.steps
    .filter(({ step }) => step === madeStep)
    .map(({ data }) => (data as { readonly [key: string]: JsonValue })['path'])
    .filter((path): path is string => typeof path === 'string');
}

/** A machine that was defined after all keeps its files: the restore only was not told so. */
async function restoreOnHost(rooms: Rooms, host: HostRecord, journal: Journal): Promise<void> {
  const about = journal.data as unknown as RestoreJournal;
  const hypervisor = await rooms.connect(host);
  try {
    const machines = await hypervisor.listMachines();
    if (machines.some(({ uuid }) => uuid === about.uuid)) return;
    if (about.pool === null) {
      await restore(rooms, journal);
      return;
    }
    for (const path of madeBy(journal)) {
      if ((await hypervisor.volumeForPath(path)) !== null) await hypervisor.deleteVolume(path);
    }
  } finally {
    await hypervisor.close();
  }
}

async function restore({ world }: Rooms, journal: Journal): Promise<void> {
  const about = journal.data as unknown as RestoreJournal;
  const made = madeBy(journal);
  await removePartials(world, about.partialFolders);
  // Without a machine each file was finished and compared before it was noted: those stay.
  await undoRestore(world, about, about.uuid === null ? [] : made);
}
