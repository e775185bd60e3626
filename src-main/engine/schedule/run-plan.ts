/**
 * One planned run from its first step to its end: before → backup → verify → after → keep. Each
 * step is noted in the catalog before it begins, so that a killed run can be explained and goes on.
 * The backup is a job like any other; this follows it. A run that is continued may do a step a
 * second time: checking and removing are safe to repeat, and a hook after is run again.
 */
import type { Job, PointId } from '#contract/domain.ts';
import {
  AppError,
  hasCode,
  toWireError,
  type ErrorCode,
  type WireError,
} from '#contract/errors.ts';
import { planRunSteps } from '#contract/plans.ts';
import type { Hook, PlanRunState, PlanRunStep, WaitReason } from '#contract/plans.ts';
import type { PlanRunRecord } from '#engine/catalog/plan-runs.ts';
import { keptPlan } from './claim.ts';
import type { KeptPlan } from './conditions.ts';
import { leftOut, membersOf } from './members.ts';
import type { HookAbout, ScheduleParts } from './parts.ts';
import { cutOffError } from './run-record.ts';
import { secondWords } from './time-words.ts';

/** Lines kept of one run; more are told of in one. */
const maxLogLines = 500;
const maxLineLength = 1000;
/** Times a run goes back to waiting because its backup met what it could have waited for. */
const maxReturns = 3;

/** What a backup may meet that is waited for instead of failing. */
const waitable: Partial<Record<ErrorCode, WaitReason>> = {
  'repository-unavailable': 'repository-absent',
  'repository-locked': 'repository-locked',
  'repository-busy': 'other-job',
  'machine-busy': 'other-job',
  'host-unreachable': 'host-unreachable',
  'libvirt-not-running': 'host-unreachable',
  'libvirt-connection-lost': 'host-unreachable',
  'change-unfinished': 'unfinished-change',
};

export interface RunOrder {
  readonly plan: KeptPlan;
  readonly run: PlanRunRecord;
  /** The first step that is done; later than 'before' for a run that is continued. */
  readonly from: PlanRunStep;
  /** What it failed with already, where only the program after is left to run. */
  readonly lost: WireError | null;
  /** How often it went back to waiting. */
  readonly returns: number;
  /** Fires when the engine stops. */
  readonly signal: AbortSignal;
  /** Keeps the record; called before each step. */
  readonly save: (run: PlanRunRecord) => void;
}

/** How the run ended, or that it waits again; null when the engine stops: it is cut off. */
export async function runPlanned(
  parts: ScheduleParts,
  order: RunOrder,
): Promise<PlanRunState | null> {
  const { plan, run } = order;
  const release = parts.awake.hold(`${plan.name}: ${run.machine.name} is being backed up`);
  try {
    return await new PlannedRun(parts, order).go();
  } catch (thrown) {
    const logId = parts.world.log.error(`A run of the plan ${plan.name} broke`, thrown);
    return { kind: 'failed', at: parts.world.clock.now(), error: toWireError(thrown, logId) };
  } finally {
    release();
  }
}

type BackupEnd =
  | { readonly kind: 'made'; readonly point: PointId }
  | { readonly kind: 'failed'; readonly error: WireError }
  | { readonly kind: 'cancelled' };

class PlannedRun {
  readonly #parts: ScheduleParts;
  readonly #order: RunOrder;
  readonly #problems: string[] = [];
  #run: PlanRunRecord;

  constructor(parts: ScheduleParts, order: RunOrder) {
    this.#parts = parts;
    this.#order = order;
    this.#run = order.run;
  }

  async go(): Promise<PlanRunState | null> {
    const { hooks } = this.#order.plan;
    if (this.#order.lost !== null) return this.#endLost(this.#order.lost);
    if (this.#does('before') && hooks.before !== null) {
      const refused = await this.#before(hooks.before);
      if (this.#stopping()) return null;
      if (refused !== null) return this.#failed(refused);
    }
    const backup = await this.#backup();
    if (this.#stopping()) return null;
    let damage: WireError | null = null;
    if (backup.kind === 'made') damage = await this.#verify(backup.point);
    if (this.#stopping()) return null;
    if (hooks.after !== null) await this.#after(hooks.after, backup);
    if (this.#stopping()) return null;
    if (backup.kind === 'cancelled') return { kind: 'cancelled', at: this.#now() };
    if (backup.kind === 'failed') return this.#waits(backup.error) ?? this.#failed(backup.error);
    if (damage !== null) return this.#failed(damage);
    await this.#keep();
    return this.#stopping() ? null : this.#finished();
  }

  async #endLost(error: WireError): Promise<PlanRunState | null> {
    const { after } = this.#order.plan.hooks;
    if (after !== null) await this.#after(after, { kind: 'failed', error });
    return this.#stopping() ? null : this.#failed(error);
  }

  /** True for steps from the one this run begins with on. */
  #does(step: PlanRunStep): boolean {
    return planRunSteps.indexOf(step) >= planRunSteps.indexOf(this.#order.from);
  }

  #stopping(): boolean {
    return this.#order.signal.aborted;
  }

  #now(): number {
    return this.#parts.world.clock.now();
  }

  #save(change: Partial<PlanRunRecord>): void {
    this.#run = { ...this.#run, ...change };
    this.#order.save(this.#run);
  }

  #begin(step: PlanRunStep): void {
    this.#save({ state: { kind: 'running', step } });
  }

  #log(...lines: readonly string[]): void {
    const time = secondWords(this.#now(), this.#order.plan.zone);
    const stamped = lines.map((line) => `${time} ${line}`.slice(0, maxLineLength));
    const log = [...this.#run.log, ...stamped];
    const cut = `${time} More was printed and is not kept.`;
    this.#save({ log: log.length <= maxLogLines ? log : [...log.slice(0, maxLogLines - 1), cut] });
  }

  #failed(error: WireError): PlanRunState {
    this.#log(error.message);
    return { kind: 'failed', at: this.#now(), error };
  }

  #finished(): PlanRunState {
    const at = this.#now();
    if (this.#problems.length === 0) return { kind: 'done', at };
    return { kind: 'problems', at, problems: this.#problems };
  }

  #waits(error: WireError): PlanRunState | null {
    const reason = waitable[error.code];
    if (reason === undefined || this.#order.returns >= maxReturns) return null;
    this.#log(`It waits: ${error.message}`);
    return { kind: 'waiting', reason, words: error.message, since: this.#now() };
  }

  async #before(hook: Hook): Promise<WireError | null> {
    this.#begin('before');
    const result = await this.#hook(hook, 'before', null);
    if (result.ok) return null;
    if (hook.stopOnFailure) {
      return new AppError('hook-failed', `The program before failed: ${result.words}`, {
        unharmed: 'The backup was not begun, as the plan says.',
        advice: 'See what it printed in the log of this run.',
      }).toJSON();
    }
    this.#problems.push(`The program before failed: ${result.words}`);
    return null;
  }

  async #after(hook: Hook, backup: BackupEnd): Promise<void> {
    this.#begin('after');
    const made = this.#problems.length === 0 ? 'done' : 'problems';
    const result = await this.#hook(hook, 'after', backup.kind === 'made' ? made : backup.kind);
    if (!result.ok) this.#problems.push(`The program after failed: ${result.words}`);
  }

  async #hook(hook: Hook, when: HookAbout['when'], outcome: HookAbout['outcome']) {
    const { plan, signal } = this.#order;
    const { id, machine, repository, cause, point } = this.#run;
    const about = { when, run: id, plan, machine, repository, cause, outcome, point };
    const result = await this.#parts.hooks.run(hook, about, signal);
    this.#log(result.words, ...result.output.map((line) => `  ${line}`));
    return result;
  }

  /** Starts the job and follows it; for a continued run it is known how that ended. */
  async #backup(): Promise<BackupEnd> {
    if (!this.#does('backup')) return this.#backupBefore();
    this.#begin('backup');
    const { plan } = this.#order;
    const { machine, repository } = this.#run;
    if (machine.id === null) return { kind: 'failed', error: cutOffError('before', '') };
    try {
      const job = this.#parts.starters.backup({
        machine: machine.id,
        repository: repository.id,
        exclude: leftOut(plan.exclude, machine.id),
        bytesPerSecond: plan.limits.bytesPerSecond,
      });
      this.#save({ job });
      return this.#ended(await this.#parts.jobs.ended(job));
    } catch (thrown) {
      const logId = this.#parts.world.log.error('A planned backup did not start', thrown);
      return { kind: 'failed', error: toWireError(thrown, logId) };
    }
  }

  #backupBefore(): BackupEnd {
    if (this.#run.point !== null) return { kind: 'made', point: this.#run.point };
    try {
      if (this.#run.job !== null) return this.#ended(this.#parts.jobs.get(this.#run.job));
    } catch (thrown) {
      if (!hasCode(thrown, 'not-found')) throw thrown;
    }
    return { kind: 'failed', error: cutOffError(this.#order.from, 'How it ended is not known.') };
  }

  #ended(job: Job): BackupEnd {
    const { state, result } = job;
    if (state.kind === 'cancelled') return { kind: 'cancelled' };
    if (state.kind === 'failed') return { kind: 'failed', error: state.error };
    if (result?.kind !== 'backup') {
      const words = 'The backup ended without a restore point.';
      return { kind: 'failed', error: new AppError('internal', words).toJSON() };
    }
    if (state.kind === 'problems') this.#problems.push(...state.problems);
    this.#save({ point: result.point.id });
    this.#log('The restore point was made.');
    return { kind: 'made', point: result.point.id };
  }

  /** Null when it is as it should be, or could not be told. */
  async #verify(point: PointId): Promise<WireError | null> {
    const { verify } = this.#order.plan;
    if (verify === 'nothing') return null;
    this.#begin('verify');
    try {
      const { state, result } = await this.#parts.jobs.ended(
        this.#parts.starters.verify(point, verify),
      );
      if (result?.kind === 'verify' && result.report.damage.length > 0) {
        return new AppError('block-damaged', 'The new restore point is damaged.', {
          detail: result.report.damage[0]?.detail ?? '',
          unharmed: 'Earlier restore points are as they were.',
          advice: 'Verify the repository with its data and look at the disk it lies on.',
        }).toJSON();
      }
      if (state.kind === 'done') this.#log('The restore point was checked and is whole.');
      else this.#problems.push(this.#unchecked(state.kind === 'failed' ? state.error.message : ''));
    } catch (thrown) {
      this.#parts.world.log.error('A planned check did not start', thrown);
      this.#problems.push(this.#unchecked(thrown instanceof AppError ? thrown.message : ''));
    }
    return null;
  }

  #unchecked(why: string): string {
    const words = `The restore point was made and could not be checked. ${why}`.trimEnd();
    this.#log(words);
    return words;
  }

  /** By the rule as it is now: a backup may take hours, and a person may have changed it. */
  async #keep(): Promise<void> {
    const plan = this.#planNow();
    const hadNoRule = this.#order.plan.keep === null;
    if (hadNoRule && (plan?.keep ?? null) === null) return;
    this.#begin('keep');
    const { machine, repository } = this.#run;
    if (plan === null) {
      this.#log('Nothing was removed: the plan was removed or changed and does not mean this now.');
      return;
    }
    if (plan.keep === null) {
      this.#log('Nothing was removed: the plan was changed and keeps everything now.');
      return;
    }
    try {
      const { words } = await this.#parts.retention.removeByRule(plan, machine, repository);
      if (words !== '') this.#log(words);
    } catch (thrown) {
      this.#parts.world.log.error('Removing by a plan’s rule failed', thrown);
      const why = thrown instanceof AppError ? thrown.message : 'The log has why.';
      this.#problems.push(`Old restore points were not removed. ${why}`);
    }
  }

  /** Null: it was removed, or does not mean this machine and repository any more. */
  #planNow(): KeptPlan | null {
    const { catalog, seen } = this.#parts;
    const record = catalog.plans.get(this.#order.plan.id);
    if (record?.removedAt !== null) return null;
    const { draft } = record;
    const { machine, repository } = this.#run;
    const { here } = membersOf(draft.machines, seen(), catalog.plans.members(record.id));
    const means = here.some(({ uuid }) => uuid === machine.uuid);
    return means && draft.repositories.includes(repository.id) ? keptPlan(record) : null;
  }
}
