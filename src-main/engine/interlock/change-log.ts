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

export const changeJournalKind = 'change';

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
}

export interface OpenChange {
  readonly id: UnfinishedId;
  readonly startedAt: number;
  readonly change: Change;
  readonly progress: ChangeProgress;
}

export interface ChangeLog {
  begin(change: Change): Promise<UnfinishedId>;
  /** Before the first action of the step. */
  stepBegun(id: UnfinishedId, step: number): void;
  stepDone(id: UnfinishedId, step: number): void;
  undoBegun(id: UnfinishedId): void;
  close(id: UnfinishedId): Promise<void>;
  /** Oldest first. One whose plan file is lost cannot be told and is closed. */
  open(): Promise<readonly OpenChange[]>;
}

interface JournalData {
  readonly host: string;
  readonly uuid: string;
  readonly name: string;
}

const begunStep = 'begun';
const doneStep = 'done';
const undoingStep = 'undoing';

export function createChangeLog(world: World, journals: Journals, folder: string): ChangeLog {
  const pathOf = (plan: string) => join(folder, `${plan}.json`);
  const planOf = ({ data }: Journal) => (data as unknown as { readonly plan: string }).plan;
  return {
    begin: async (change) => {
      const plan = world.ids.ulid();
      await world.files.makeFolder(folder);
      await world.files.createDurable(pathOf(plan), Buffer.from(JSON.stringify(change)));
      const { machine, host } = change;
      const about: JournalData = { host, uuid: machine.uuid, name: machine.name };
      return journals.beginJournal(changeJournalKind, { ...about, plan }) as UnfinishedId;
    },
    stepBegun: (id, step) => {
      journals.addStep(id, begunStep, { step });
    },
    stepDone: (id, step) => {
      journals.addStep(id, doneStep, { step });
    },
    undoBegun: (id) => {
      journals.addStep(id, undoingStep, {});
    },
    close: async (id) => {
      const journal = journals.openJournals().find((one) => one.id === id);
      journals.closeJournal(id);
      if (journal !== undefined) await world.files.remove(pathOf(planOf(journal)));
    },
    open: async () => {
      const found: OpenChange[] = [];
      for (const journal of journals.openJournals()) {
        if (journal.kind !== changeJournalKind) continue;
        const change = await readChange(world, pathOf(planOf(journal)));
        if (change === null) {
          world.log.warn('A change was cut off and its plan is lost', { journal: journal.id });
          journals.closeJournal(journal.id);
          continue;
        }
        const progress = progressOf(journal);
        const id = journal.id as UnfinishedId;
        found.push({ id, startedAt: journal.openedAt, change, progress });
      }
      return found;
    },
  };
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
  for (const { step, data } of steps) {
    const number = (data as { readonly step?: number }).step ?? 0;
    if (step === begunStep) begun = true;
    if (step === doneStep) {
      done = number + 1;
      begun = false;
    }
  }
  return { done, begun, undoing: steps.some(({ step }) => step === undoingStep) };
}
