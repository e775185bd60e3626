/**
 * The journal of changes: the whole plan before its first step, each step before it is done and
 * after. The plan itself lies in a file of its own beside the catalog, because the definitions in
 * it can hold passwords, and is gone when the change has come to its end; the journal rows say only
 * how far it came.
 */
import { join } from 'node:path';
import type { MachineAction } from '#contract/actions.ts';
import type { MachineId } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { UnfinishedId } from '#contract/moments.ts';
import type { Journal, Journals } from '#engine/catalog/journals.ts';
import type { World } from '#engine/world/world.ts';
import type { EngineStep } from './steps.ts';

const changeJournalKind = 'change';

/** The largest plan kept: a thousand snapshots with their definitions. */
const maxPlanBytes = 256 * 1024 * 1024;

/** What runs, in the order it runs. */
export interface Change {
  readonly machine: { readonly id: MachineId; readonly uuid: string; readonly name: string };
  readonly host: string; // id
  readonly action: MachineAction;
  readonly title: string;
  readonly steps: readonly EngineStep[];
  readonly done: string;
  readonly undoAction: MachineAction | null;
}

/** How far a change came: the step it was in, counted from 0, and which way it went. */
export interface ChangeProgress {
  /** Steps that are wholly done. */
  readonly done: number;
  /** The step after those was begun. */
  readonly begun: boolean;
  /** Taking back was begun: from there on it can only be taken back. */
  readonly undoing: boolean;
  /** How far taking back came. What it did must not be done twice; null: nothing of it was done. */
  readonly takenBack: TakenBack | null;
}

/** Of the undo of this step so many actions are done, and all of the steps after it. */
export interface TakenBack {
  readonly step: number;
  readonly actions: number;
}

export interface OpenChange {
  readonly id: UnfinishedId;
  readonly startedAt: number;
  readonly change: Change;
  readonly progress: ChangeProgress;
}

export interface ChangeLog {
  /** Opens the journal; the change counts as running until `release` or `close`. */
  begin(change: Change): Promise<UnfinishedId>;
  /** Before the first action of the step. */
  stepBegun(id: UnfinishedId, step: number): void;
  stepDone(id: UnfinishedId, step: number): void;
  /** When the step was begun, each time it was; UTC milliseconds. */
  begunAt(id: UnfinishedId, step: number): readonly number[];
  undoBegun(id: UnfinishedId): void;
  /** After each action that takes something back. */
  undoDone(id: UnfinishedId, takenBack: TakenBack): void;
  close(id: UnfinishedId): Promise<void>;
  /** A cut-off change is being finished or undone. @throws `not-found`, `machine-busy` */
  claim(id: UnfinishedId): Promise<OpenChange>;
  /** It does not run any more: if its journal is open, it is cut off. Twice is fine. */
  release(id: UnfinishedId): void;
  /** Those that were cut off, oldest first. One whose plan file is lost is closed. */
  cutOff(): Promise<readonly OpenChange[]>;
  /** Title of the cut-off change of this machine; null when there is none. */
  titleOf(uuid: string): string | null;
  /** Removes plans that no journal knows: a crash came between the two. Before anything runs. */
  sweep(): Promise<void>;
  /** Drops what was cut off on a host that was forgotten. */
  forgetHosts(known: (host: string) => boolean): Promise<void>;
}

interface JournalData {
  readonly host: string;
  readonly uuid: string;
  readonly title: string;
  readonly plan: string; // the plan file's name
}

const begunStep = 'begun';
const doneStep = 'done';
const undoingStep = 'undoing';
const undoneStep = 'undone';

export function createChangeLog(world: World, journals: Journals, folder: string): ChangeLog {
  return new FiledChangeLog(world, journals, folder);
}

class FiledChangeLog implements ChangeLog {
  readonly #world: World;
  readonly #journals: Journals;
  readonly #folder: string;
  readonly #running = new Set<string>();

  constructor(world: World, journals: Journals, folder: string) {
    this.#world = world;
    this.#journals = journals;
    this.#folder = folder;
  }

  async begin(change: Change): Promise<UnfinishedId> {
    const { files, ids } = this.#world;
    const plan = ids.ulid();
    await files.makeFolder(this.#folder);
    await files.createDurable(this.#path(plan), Buffer.from(JSON.stringify(change)));
    const { machine, host, title } = change;
    const about: JournalData = { host, uuid: machine.uuid, title, plan };
    const id = this.#journals.beginJournal(changeJournalKind, { ...about }) as UnfinishedId;
    this.#running.add(id);
    return id;
  }

  stepBegun(id: UnfinishedId, step: number): void {
    this.#journals.addStep(id, begunStep, { step });
  }

  stepDone(id: UnfinishedId, step: number): void {
    this.#journals.addStep(id, doneStep, { step });
  }

  begunAt(id: UnfinishedId, step: number): readonly number[] {
    const steps = this.#open().find((journal) => journal.id === id)?.steps ?? [];
    return steps
      .filter((row) => row.step === begunStep && (row.data as Partial<TakenBack>).step === step)
      .map(({ at }) => at);
  }

  undoBegun(id: UnfinishedId): void {
    this.#journals.addStep(id, undoingStep, {});
  }

  undoDone(id: UnfinishedId, { step, actions }: TakenBack): void {
    this.#journals.addStep(id, undoneStep, { step, actions });
  }

  async close(id: UnfinishedId): Promise<void> {
    const journal = this.#open().find((one) => one.id === id);
    this.#journals.closeJournal(id);
    this.#running.delete(id);
    if (journal !== undefined) await this.#world.files.remove(this.#path(about(journal).plan));
  }

  async claim(id: UnfinishedId): Promise<OpenChange> {
    if (this.#running.has(id)) {
      throw new AppError('machine-busy', 'This change is being finished or undone already.', {
        unharmed: 'That goes on.',
      });
    }
    const found = (await this.cutOff()).find((one) => one.id === id);
    if (found === undefined) {
      throw new AppError('not-found', 'There is no such unfinished change any more.', {
        advice: 'Look again: it was finished or undone meanwhile.',
      });
    }
    this.#running.add(id);
    return found;
  }

  release(id: UnfinishedId): void {
    this.#running.delete(id);
  }

  async cutOff(): Promise<readonly OpenChange[]> {
    const found: OpenChange[] = [];
    for (const journal of this.#open()) {
      if (this.#running.has(journal.id)) continue;
      const change = await readChange(this.#world, this.#path(about(journal).plan));
      if (change === null) {
        this.#world.log.warn('A change was cut off and its plan is lost', { ...about(journal) });
        this.#journals.closeJournal(journal.id);
        continue;
      }
      const id = journal.id as UnfinishedId;
      found.push({ id, startedAt: journal.openedAt, change, progress: progressOf(journal) });
    }
    return found;
  }

  titleOf(uuid: string): string | null {
    const found = this.#open().find(
      (journal) => !this.#running.has(journal.id) && about(journal).uuid === uuid,
    );
    return found === undefined ? null : about(found).title;
  }

  async sweep(): Promise<void> {
    const { files } = this.#world;
    if ((await files.stat(this.#folder)) === null) return;
    const known = new Set(this.#open().map((journal) => this.#path(about(journal).plan)));
    for (const name of await files.list(this.#folder)) {
      const path = join(this.#folder, name);
      if (!known.has(path)) await files.remove(path);
    }
  }

  async forgetHosts(known: (host: string) => boolean): Promise<void> {
    for (const journal of this.#open()) {
      if (known(about(journal).host)) continue;
      this.#world.log.warn('A cut-off change on a forgotten host was dropped', {
        ...about(journal),
      });
      await this.close(journal.id as UnfinishedId);
    }
  }

  #open(): readonly Journal[] {
    return this.#journals.openJournals().filter(({ kind }) => kind === changeJournalKind);
  }

  #path(plan: string): string {
    return join(this.#folder, `${plan}.json`);
  }
}

function about({ data }: Journal): JournalData {
  return data as unknown as JournalData;
}

async function readChange(world: World, path: string): Promise<Change | null> {
  try {
    if ((await world.files.stat(path)) === null) return null;
    return JSON.parse((await world.files.read(path, maxPlanBytes)).toString()) as Change;
  } catch (thrown) {
    if (thrown instanceof AppError) throw thrown;
    return null; // written whole or not at all, so this is damage nobody can finish from
  }
}

/** A change may be finished in several tries, so the last word on a step counts. */
function progressOf({ steps }: Journal): ChangeProgress {
  let done = 0;
  let begun = false;
  let takenBack: TakenBack | null = null;
  for (const { step, data } of steps) {
    const { step: number = 0, actions = 0 } = data as Partial<TakenBack>;
    if (step === begunStep) begun = true;
    if (step === doneStep) {
      done = number + 1;
      begun = false;
    }
    if (step === undoneStep) takenBack = { step: number, actions };
  }
  return { done, begun, undoing: steps.some(({ step }) => step === undoingStep), takenBack };
}
