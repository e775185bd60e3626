/**
 * After a crash: what open journals say is undone as soon as the host they are about answers. A
 * machine is only ever stopped by the rule that it is still paused by us and nobody resumed it.
 */
import type { HostId, RepositoryId } from '#contract/domain.ts';
import { recoverBackup } from '#engine/backup/recover.ts';
import {
  committedStep,
  freezingStep,
  startedStep,
  thawedStep,
  type BackupJournal,
} from '#engine/backup/run.ts';
import type { HostRecord } from '#engine/catalog/hosts.ts';
import type { Journal } from '#engine/catalog/journals.ts';
import {
  definingStep,
  dropVolumes,
  madeStep,
  removePartials,
  undoRestore,
  type MadeFile,
  type RestoreJournal,
} from '#engine/restore/run.ts';
import type { Rooms } from '../engine.ts';

/** How long after a clean-up that failed it is tried again, in milliseconds. */
export const retryMs = 30_000;

export interface Recovery {
  /** Undoes what needs no host; call it before anything else starts. */
  begin(): Promise<void>;
  hostConnected(host: HostRecord): void;
  settled(): Promise<void>;
  /**
   * Undoes what is left on this machine and then keeps away from it until the returned function is
   * called: an old journal must not end a new job or take its work folder.
   */
  enter(host: HostRecord, uuid: string): Promise<() => void>;
  /** Ends the retries; what is open is undone at the next start. */
  stop(): Promise<void>;
}

export function createRecovery(rooms: Rooms): Recovery {
  return new JournalRecovery(rooms);
}

class JournalRecovery implements Recovery {
  readonly #rooms: Rooms;
  #working: Promise<void> = Promise.resolve();
  /** Machines that are being backed up, by uuid: their open journal is no left-over. */
  readonly #busy = new Set<string>();
  readonly #retries = new Map<string, () => void>();
  /** A ULID of the start of this engine: what is named later is of its own jobs. */
  #startedAt = '';
  /** Restores that were open at the start. */
  #oldRestores = new Set<string>();
  #stopped = false;

  constructor(rooms: Rooms) {
    this.#rooms = rooms;
  }

  async begin(): Promise<void> {
    const { catalog, world, changeLog } = this.#rooms;
    // A change that was cut off is never finished or undone without a person.
    await changeLog.sweep();
    await changeLog.forgetHosts((host) => catalog.hosts.get(host as HostId) !== null);
    this.#startedAt = world.ids.ulid();
    const open = catalog.journals.openJournals();
    const restores = open.filter(({ kind }) => kind === 'restore');
    this.#oldRestores = new Set(restores.map(({ id }) => id));
    for (const journal of restores.filter((one) => !needsHost(one))) {
      await attempt(this.#rooms, journal, () => restore(this.#rooms, journal, this.#startedAt));
    }
    for (const journal of open.filter(({ kind }) => kind === 'backup')) {
      const about = journal.data as unknown as BackupJournal;
      if (catalog.hosts.get(about.host as HostId) !== null) continue;
      catalog.journals.closeJournal(journal.id); // its host was forgotten: nothing to undo there
      world.log.warn('A cut-off backup on a forgotten host was dropped', { ...about });
    }
  }

  hostConnected(host: HostRecord): void {
    void this.#next(() => this.#recoverHost(host));
  }

  settled(): Promise<void> {
    return this.#working;
  }

  async enter(host: HostRecord, uuid: string): Promise<() => void> {
    await this.#next(async () => {
      await this.#recoverBackups(host, (other) => other === uuid);
      this.#busy.add(uuid);
    });
    return () => {
      this.#busy.delete(uuid);
      const open = this.#rooms.catalog.journals.openJournals();
      const left = open.some(({ data }) => (data as unknown as BackupJournal).uuid === uuid);
      if (left) this.#retryLater(host);
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const cancel of this.#retries.values()) cancel();
    this.#retries.clear();
    await this.#working;
  }

  /** One thing after the other; what fails is logged and stays in its journal. */
  #next(work: () => Promise<void>): Promise<void> {
    this.#working = this.#working
      .then(work)
      .catch((thrown: unknown) => void this.#rooms.world.log.error('Recovery failed', thrown));
    return this.#working;
  }

  async #recoverHost(host: HostRecord): Promise<void> {
    let clean = await this.#recoverBackups(host, (uuid) => !this.#busy.has(uuid));
    const { catalog, jobs } = this.#rooms;
    const restoring = jobs.list(false).some(({ kind }) => kind === 'restore');
    for (const journal of catalog.journals.openJournals()) {
      const about = journal.data as unknown as RestoreJournal;
      if (journal.kind !== 'restore' || about.host !== host.id) continue;
      if (restoring && !this.#oldRestores.has(journal.id)) continue;
      const undo = () => restoreOnHost(this.#rooms, host, journal, this.#startedAt);
      clean = (await attempt(this.#rooms, journal, undo)) && clean;
    }
    if (!clean) this.#retryLater(host);
  }

  async #recoverBackups(host: HostRecord, wanted: (uuid: string) => boolean): Promise<boolean> {
    let clean = true;
    for (const journal of this.#rooms.catalog.journals.openJournals()) {
      const about = journal.data as unknown as BackupJournal;
      if (journal.kind !== 'backup' || about.host !== host.id || !wanted(about.uuid)) continue;
      const undo = () => backup(this.#rooms, host, journal, about);
      clean = (await attempt(this.#rooms, journal, undo)) && clean;
    }
    return clean;
  }

  /** A host that is away comes back with `hostConnected`; this is for one that answers. */
  #retryLater(host: HostRecord): void {
    if (this.#stopped || this.#retries.has(host.id)) return;
    const { world, catalog, fleet } = this.#rooms;
    const cancel = world.clock.timer(retryMs, () => {
      this.#retries.delete(host.id);
      if (catalog.hosts.get(host.id) === null) return;
      if (fleet.host(host.id).state.kind === 'connected') this.hostConnected(host);
    });
    this.#retries.set(host.id, cancel);
  }
}

async function attempt(
  { world, catalog }: Rooms,
  journal: Journal,
  action: () => Promise<void>,
): Promise<boolean> {
  try {
    await action();
    catalog.journals.closeJournal(journal.id);
    return true;
  } catch (thrown) {
    // It stays open and is tried again.
    world.log.error(`A cut-off ${journal.kind} could not be cleaned up yet`, thrown);
    return false;
  }
}

async function backup(
  rooms: Rooms,
  host: HostRecord,
  journal: Journal,
  about: BackupJournal,
): Promise<void> {
  const { world, catalog, shelf } = rooms;
  const has = (name: string) => journal.steps.some(({ step }) => step === name);
  const committed = async () => {
    if (has(committedStep)) return true;
    // Of a repository that was removed here nobody knows: without its checkpoint the next backup
    // reads everything, and nothing is lost.
    if (catalog.repositories.get(about.repository as RepositoryId) === null) return false;
    const store = await shelf.open(about.repository as RepositoryId);
    return (await store.listPoints()).some(({ id }) => id === about.point);
  };
  const hypervisor = await rooms.connect(host);
  try {
    await recoverBackup(world, hypervisor, about, {
      committed,
      frozen: has(freezingStep) && !has(thawedStep),
      run: startedRun(journal),
      installation: catalog.settings.installation(),
    });
  } finally {
    await hypervisor.close();
  }
}

/** Which run of the machine the backup started; undefined when that was not noted. */
function startedRun({ steps }: Journal): string | null | undefined {
  const data = steps.find(({ step }) => step === startedStep)?.data as unknown;
  return (data as { readonly run: string | null } | undefined)?.run;
}

/** Whether only the host can say or undo what a cut-off restore left there. */
function needsHost({ kind, data, steps }: Journal): boolean {
  const { pool } = data as unknown as RestoreJournal;
  if (kind !== 'restore') return false;
  return pool !== null || steps.some(({ step }) => step === definingStep);
}

/** The files that the journal says were finished. */
function madeBy(journal: Journal): readonly MadeFile[] {
  return journal.steps
    .filter(({ step }) => step === madeStep)
    .map(({ data }) => data as unknown as MadeFile);
}

/** A machine that was defined after all keeps its files: the restore only was not told so. */
async function restoreOnHost(
  rooms: Rooms,
  host: HostRecord,
  journal: Journal,
  startedAt: string,
): Promise<void> {
  const about = journal.data as unknown as RestoreJournal;
  const hypervisor = await rooms.connect(host);
  try {
    const machines = await hypervisor.listMachines();
    if (machines.some(({ uuid }) => uuid === about.uuid)) return;
    if (about.pool !== null) await dropVolumes(hypervisor, madeBy(journal));
    await restore(rooms, journal, startedAt);
  } finally {
    await hypervisor.close();
  }
}

async function restore({ world }: Rooms, journal: Journal, startedAt: string): Promise<void> {
  const about = journal.data as unknown as RestoreJournal;
  const between = { from: journal.id, until: startedAt };
  await removePartials(world, about.partialFolders, between);
  // Without a machine each file was finished and compared before it was noted: those stay.
  const files = about.uuid === null || about.pool !== null ? [] : madeBy(journal);
  await undoRestore(world, about, files);
}
