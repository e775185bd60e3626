/**
 * What the scheduler asks of the world before a run begins. It asks again about every minute while
 * the run waits, so an answer should be cheap and may be as old as that.
 */
import type { HostId, MachineId, Named, RepositoryId } from '#contract/domain.ts';
import type { PlanDraft, PlanId, WaitReason } from '#contract/plans.ts';

/** A machine a plan means, on a host that is known here. */
export interface PlannedMachine {
  readonly id: MachineId;
  readonly uuid: string;
  readonly name: string;
  readonly host: HostId;
}

/** What a person said, with the id it was kept under. */
export type KeptPlan = PlanDraft & { readonly id: PlanId };

/** `words` says it whole, as a row shows it: "Waits for the folder of attic, which is away." */
export interface Wait {
  readonly reason: WaitReason;
  readonly words: string;
}

export interface Conditions {
  /**
   * Null: the run may begin now. What cannot be found out (no battery, no NetworkManager) stands
   * in nobody's way. Never rejects. 'turn' is never answered: the scheduler counts turns itself.
   */
  check(
    plan: KeptPlan,
    machine: PlannedMachine,
    repository: Named<RepositoryId>,
  ): Promise<Wait | null>;
}
