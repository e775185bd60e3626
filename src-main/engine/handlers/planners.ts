/** Which planner answers which action. */
import type { MachineAction } from '#contract/actions.ts';
import { planCheckpointCreate } from '#engine/checkpoint/plan-create.ts';
import { planCheckpointDelete } from '#engine/checkpoint/plan-delete.ts';
import { planRepair } from '#engine/checkpoint/plan-repair.ts';
import type { FoundMachine } from '#engine/fleet/fleet.ts';
import type { MachineFacts } from '#engine/interlock/facts.ts';
import type { EnginePlan } from '#engine/interlock/plan.ts';
import { planCreate } from '#engine/snapshot/plan-create.ts';
import { planDelete } from '#engine/snapshot/plan-delete.ts';
import { planRevert } from '#engine/snapshot/plan-revert.ts';
import { planRevertUndo } from '#engine/snapshot/plan-undo.ts';
import type { Rooms } from '../engine.ts';
import { examineMachine } from './doctor.ts';

export async function planOf(
  rooms: Rooms,
  found: FoundMachine,
  facts: MachineFacts,
  action: MachineAction,
): Promise<EnginePlan> {
  switch (action.kind) {
    case 'snapshot-create':
      return planCreate(facts, action);
    case 'snapshot-revert':
      return planRevert(facts, action);
    case 'revert-undo':
      return planRevertUndo(facts, action);
    case 'snapshot-delete':
      return planDelete(facts, action);
    case 'checkpoint-create':
      return planCheckpointCreate(facts, action, rooms.catalog.settings.installation());
    case 'checkpoint-delete':
      return planCheckpointDelete(facts, action);
    case 'repair':
      return planRepair(facts, action, await examineMachine(rooms, found, facts, action.details));
  }
}
