/**
 * A plan while a person makes or changes it: the draft, what the engine says of it and what its
 * rule would keep. Both are asked for a moment after the last change, and the old answer stays
 * until the new one is there, so that nothing on the screen blinks while a number is edited.
 */
import type { MachineId, Repository, RepositoryId } from '#contract/domain.ts';
import { defaultPlanDraft, draftOf, retentionPresets } from '#contract/plan-defaults.ts';
import type { Plan, PlanCheck, PlanDraft, PlanId, RetentionPreview } from '#contract/plans.ts';
import type { AppError } from '#contract/errors.ts';
import { asAppError } from './loading.svelte.ts';

/** Between the last change and the question about it. */
export const askAfterMs = 250;

/** The three retentions to start from. */
export const presets = retentionPresets;

/** What the draft is asked about. */
export interface DraftAnswers {
  check(draft: PlanDraft, plan: PlanId | null): Promise<PlanCheck>;
  preview(draft: PlanDraft, plan: PlanId | null): Promise<RetentionPreview>;
}

/** The first repository that answers and is not for practice; else the first there is. */
export function usualRepository(all: readonly Repository[]): RepositoryId | null {
  const ready = all.filter(({ state }) => state.kind === 'ready');
  const found = ready.find(({ practice }) => !practice) ?? ready[0] ?? all[0];
  return found?.id ?? null;
}

/** A name nobody has yet: "Nightly", "Nightly 2". */
export function freeName(wanted: string, taken: readonly string[]): string {
  if (!taken.includes(wanted)) return wanted;
  for (let number = 2; ; number += 1) {
    const name = `${wanted} ${number}`;
    if (!taken.includes(name)) return name;
  }
}

/** A rule that keeps nothing is refused: there is nothing to preview until a number is there. */
function keepsSomething({ keep }: PlanDraft): boolean {
  return keep === null || Object.values(keep).some((count) => count > 0);
}

/** A question that is asked again as its subject changes; only the newest answer counts. */
class Asked<Answer> {
  readonly #ask: (draft: PlanDraft) => Promise<Answer>;
  #value = $state.raw<Answer | null>(null);
  #problem = $state.raw<AppError | null>(null);
  #busy = $state(false);
  #asked: PlanDraft | null = null;

  constructor(ask: (draft: PlanDraft) => Promise<Answer>) {
    this.#ask = ask;
  }

  get value(): Answer | null {
    return this.#value;
  }

  get problem(): AppError | null {
    return this.#problem;
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** True when the answer is about this very draft. */
  isAbout(draft: PlanDraft): boolean {
    return this.#asked === draft && !this.#busy && this.#problem === null;
  }

  /** `sent` is the draft as the engine can take it. */
  async ask(draft: PlanDraft, sent: PlanDraft): Promise<void> {
    this.#asked = draft;
    this.#busy = true;
    try {
      const answer = await this.#ask(sent);
      if (this.#asked !== draft) return;
      this.#value = answer;
      this.#problem = null;
    } catch (error) {
      if (this.#asked !== draft) return;
      this.#problem = asAppError(error);
    }
    this.#busy = false;
  }
}

export class EditedPlan {
  /** Null while it is new. */
  readonly id: PlanId | null;
  readonly original: PlanDraft;
  readonly check: Asked<PlanCheck>;
  readonly preview: Asked<RetentionPreview>;
  // Set at once in the constructor: a rune needs a value where it stands.
  #draft = $state.raw<PlanDraft>(defaultPlanDraft('UTC'));
  #touched = $state(false);
  #accepted = $state.raw<ReadonlySet<string>>(new Set());
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The preview costs the engine a look at every point: only while it is shown. */
  #wantsPreview = false;

  constructor(answers: DraftAnswers, draft: PlanDraft, id: PlanId | null) {
    this.id = id;
    this.original = draft;
    this.#draft = draft;
    this.check = new Asked((of) => answers.check(of, id));
    this.preview = new Asked((of) => answers.preview(of, id));
  }

  get draft(): PlanDraft {
    return this.#draft;
  }

  /** True once a person changed anything: leaving then asks. */
  get touched(): boolean {
    return this.#touched;
  }

  /** Fields of the warnings that were ticked. */
  get accepted(): ReadonlySet<string> {
    return this.#accepted;
  }

  /** Changes part of the draft and asks about the whole a moment later. */
  set(change: Partial<PlanDraft>): void {
    this.#draft = { ...this.#draft, ...change };
    this.#touched = true;
    this.#later();
  }

  /** Fills in what can only be known once lists were read; not a change of the person's. */
  fill(change: Partial<PlanDraft>): void {
    this.#draft = { ...this.#draft, ...change };
    this.#later();
  }

  accept(field: string, on: boolean): void {
    const next = new Set(this.#accepted);
    if (on) next.add(field);
    else next.delete(field);
    this.#accepted = next;
    this.#touched = true;
  }

  showPreview(on: boolean): void {
    this.#wantsPreview = on;
    if (on && !this.preview.isAbout(this.#draft)) this.#later();
  }

  #later(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.ask(), askAfterMs);
  }

  /** Asks now. What cannot be asked about (no name, no repository) waits until it can. */
  async ask(): Promise<void> {
    clearTimeout(this.#timer);
    const draft = this.#draft;
    if (draft.repositories.length === 0) return;
    // The engine wants a name; what it says of the rest does not depend on it.
    const named = draft.name.trim() === '' ? { ...draft, name: '–' } : draft;
    const questions: Promise<void>[] = [];
    if (!this.check.isAbout(draft)) questions.push(this.check.ask(draft, named));
    if (this.#wantsPreview && keepsSomething(draft) && !this.preview.isAbout(draft)) {
      questions.push(this.preview.ask(draft, named));
    }
    await Promise.all(questions);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

/** A new plan: for these machines, or null for all, new ones included. Safe as it stands. */
export function newPlan(
  answers: DraftAnswers,
  machines: readonly MachineId[] | null,
  zone: string,
): EditedPlan {
  const usual = defaultPlanDraft(zone);
  if (machines === null) return new EditedPlan(answers, usual, null);
  const draft: PlanDraft = { ...usual, machines: { kind: 'chosen', machines: [...machines] } };
  return new EditedPlan(answers, draft, null);
}

/** A plan there is, to be changed. */
export function openedPlan(answers: DraftAnswers, plan: Plan): EditedPlan {
  return new EditedPlan(answers, draftOf(plan), plan.id);
}
