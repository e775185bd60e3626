/**
 * One conversation with the planner: an action, the plan the engine made of it, what the person
 * ticked and typed, and the start. A plan that was overtaken by a newer question is thrown away;
 * one that changed between showing and starting is made again and said to be new.
 */
import type { ActionPlan, MachineAction } from '#contract/actions.ts';
import type { Client } from '#contract/client.ts';
import type { JobId, MachineId } from '#contract/domain.ts';
import type { AppError } from '#contract/errors.ts';
import { unmet } from '#contract/pre-flight.ts';
import { asAppError, Loading } from './loading.svelte.ts';

export class Preflight {
  readonly machine: MachineId;
  readonly #client: Client;
  readonly #plan = new Loading<ActionPlan | null>(null);
  #action: MachineAction;
  #round = $state(0);
  #answered = $state(0);
  #accepted = $state.raw<ReadonlySet<string>>(new Set());
  #typed = $state('');
  #changed = $state(false);
  #starting = $state(false);
  #startProblem = $state.raw<AppError | null>(null);
  #timer: ReturnType<typeof setTimeout> | null = null;
  #reading: Promise<void> = Promise.resolve();

  /** Asks for the first plan at once. */
  constructor(client: Client, machine: MachineId, action: MachineAction) {
    this.#client = client;
    this.machine = machine;
    this.#action = $state.raw(action);
    this.#ask(0);
  }

  get action(): MachineAction {
    return this.#action;
  }

  /** The newest plan; while `planning` it is still that of an earlier question. */
  get plan(): ActionPlan | null {
    return this.#plan.value;
  }

  /** An answer to the present question has not come yet. */
  get planning(): boolean {
    return this.#round !== this.#answered;
  }

  /** Why there is no plan for the present question. */
  get problem(): AppError | null {
    return this.planning ? null : this.#plan.problem;
  }

  /** The plan that was shown does not hold any more; `plan` is the one of now. */
  get changed(): boolean {
    return this.#changed;
  }

  get accepted(): ReadonlySet<string> {
    return this.#accepted;
  }

  get typed(): string {
    return this.#typed;
  }

  set typed(text: string) {
    this.#typed = text;
  }

  get starting(): boolean {
    return this.#starting;
  }

  /** Why the start failed, for another reason than a changed plan. */
  get startProblem(): AppError | null {
    return this.#startProblem;
  }

  /** The plan shown is the answer to the present question. */
  get settled(): boolean {
    return !this.planning && this.#plan.problem === null && this.plan !== null;
  }

  /** Nothing stands in the way of starting what is shown. */
  get ready(): boolean {
    const plan = this.plan;
    if (!this.settled || plan === null || plan.verdict === 'refused') return false;
    if (unmet(plan.checks, [...this.#accepted]).length > 0) return false;
    return plan.confirm === null || this.#typed.trim() === plan.confirm;
  }

  /** Another action: plans it now, or when nothing else was chosen for `delayMs`. */
  choose(action: MachineAction, delayMs = 0): void {
    this.#action = action;
    this.#changed = false;
    this.#startProblem = null;
    this.#ask(delayMs);
  }

  /** Plans the same action again. */
  again(): Promise<void> {
    this.#startProblem = null;
    this.#ask(0);
    return this.#reading;
  }

  #ask(delayMs: number): void {
    this.#round += 1;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (delayMs === 0) this.#reading = this.#read();
    else this.#timer = setTimeout(() => this.#flush(), delayMs);
  }

  #flush(): void {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    const mine = this.#round;
    const before = this.plan;
    const action = this.#action;
    await this.#plan.read(() =>
      this.#client.call('actions.plan', { machine: this.machine, action }),
    );
    if (this.plan !== before) this.#keepConsent(before);
    if (mine === this.#round) this.#answered = mine;
  }

  /** A tick holds only for the words it was given to, a typed name only for the same question. */
  #keepConsent(before: ActionPlan | null): void {
    const now = this.plan;
    const words = (plan: ActionPlan | null, id: string): string | undefined =>
      plan?.checks.find((check) => check.id === id)?.accept;
    const kept = [...this.#accepted].filter((id) => words(now, id) === words(before, id));
    this.#accepted = new Set(kept);
    if (now?.confirm !== before?.confirm) this.#typed = '';
  }

  accept(id: string, on: boolean): void {
    const next = new Set(this.#accepted);
    if (on) next.add(id);
    else next.delete(id);
    this.#accepted = next;
  }

  /** Waits until the plan answers the present question; a pending delay ends now. */
  async settle(): Promise<void> {
    while (this.planning) {
      this.#flush();
      await this.#reading;
    }
  }

  /**
   * Starts exactly what is shown. Null when it did not start: not `ready`, another plan by now
   * (`changed`), or `startProblem`. Never rejects.
   */
  async start(): Promise<JobId | null> {
    const plan = this.plan;
    if (!this.ready || plan === null || this.#starting) return null;
    this.#starting = true;
    this.#startProblem = null;
    try {
      return await this.#client.call('actions.start', {
        machine: this.machine,
        action: this.#action,
        fingerprint: plan.fingerprint,
        accepted: [...this.#accepted],
        typed: plan.confirm === null ? null : this.#typed.trim(),
      });
    } catch (thrown) {
      await this.#refused(asAppError(thrown), plan.fingerprint);
      return null;
    } finally {
      this.#starting = false;
    }
  }

  /** What was agreed to is not what would run now: plans again, and says so if it is another. */
  async #refused(problem: AppError, shown: string): Promise<void> {
    if (problem.code !== 'refused') {
      this.#startProblem = problem;
      return;
    }
    this.#accepted = new Set();
    this.#typed = '';
    await this.again();
    const plan = this.settled ? this.plan : null;
    this.#changed = plan !== null && plan.fingerprint !== shown;
    if (plan?.fingerprint === shown) this.#startProblem = problem;
  }

  /** Forgets a plan that was not asked for yet; call it when the dialog closes. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
