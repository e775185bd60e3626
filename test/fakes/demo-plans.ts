/**
 * Pretend planners: plausible plans for every state a dialog can be in. Sizes and times are those
 * of the design pictures.
 */
import { createHash } from 'node:crypto';
import type { ActionPlan, MachineAction, PlanReason } from '#contract/actions.ts';
import { draft, refusal, stepOf, type DemoFacts, type Draft, type Of } from './demo-draft.ts';
import { createDraft, deleteDraft, revertDraft, undoDraft } from './demo-snapshot-plans.ts';

export function planOf(facts: DemoFacts, action: MachineAction): ActionPlan {
  const made = stopped(facts, draftOf(facts, action));
  const what = JSON.stringify([action, made.verdict, facts.machine.state, made.steps]);
  const fingerprint = createHash('sha256').update(what).digest('hex').slice(0, 32);
  return { ...made, fingerprint };
}

/** Nothing is planned over a job that runs or a change that was cut off. */
function stopped(facts: DemoFacts, made: Draft): Draft {
  const { busy, unfinished } = facts;
  if (busy === null && unfinished === null) return made;
  const reason: PlanReason =
    unfinished !== null
      ? {
          id: 'change-unfinished',
          title: 'A change was cut off',
          detail: `“${unfinished}” waits for you: finish or undo it first.`,
        }
      : {
          id: 'machine-busy',
          title: 'The machine is busy',
          detail: `“${busy ?? ''}” runs now. Wait until it has ended.`,
        };
  const { action, title, summary, button } = made;
  return draft(facts, action, { title, summary, button }, refusal(reason));
}

function draftOf(facts: DemoFacts, action: MachineAction): Draft {
  switch (action.kind) {
    case 'snapshot-create':
      return createDraft(facts, action);
    case 'snapshot-revert':
      return revertDraft(facts, action);
    case 'revert-undo':
      return undoDraft(facts, action);
    case 'snapshot-delete':
      return deleteDraft(facts, action);
    case 'checkpoint-create':
      return checkpointDraft(facts, action);
    case 'checkpoint-delete':
      return checkpointDeleteDraft(facts, action);
    case 'repair':
      return repairDraft(facts, action);
  }
}

// Checkpoints and repair -------------------------------------------------------------------------

function checkpointDraft(facts: DemoFacts, action: Of<'checkpoint-create'>): Draft {
  const { machine } = facts;
  const words = {
    title: `Create a checkpoint of ${machine.name}`,
    summary: 'From here on QEMU remembers what changes.',
    button: 'Create checkpoint',
  };
  if (machine.state === 'off') {
    const detail = `${machine.name} is off, and only QEMU can set one.`;
    const reason = { id: 'not-running', title: 'The machine has to run', detail };
    return draft(facts, action, words, refusal(reason));
  }
  return draft(facts, action, words, {
    steps: [stepOf('Create a checkpoint', 'Delete it')],
    undo: 'Delete the checkpoint.',
    stays: 'The next backup is not affected.',
    commands: [`virsh checkpoint-create ${machine.name} checkpoint.xml`],
  });
}

function checkpointDeleteDraft(facts: DemoFacts, action: Of<'checkpoint-delete'>): Draft {
  const { machine } = facts;
  const [name = ''] = action.names;
  return draft(
    facts,
    action,
    {
      title: `Delete checkpoint ${name} of ${machine.name}`,
      summary: 'The next backup reads everything again and stores only what differs.',
      button: 'Delete checkpoint',
    },
    {
      steps: [
        stepOf(`Delete ${name}`, 'Cannot be undone'),
        stepOf('At the next backup, read everything and store what differs', 'Not needed', {
          detail: 'attic, whenever it is backed up next',
          bytes: null,
          seconds: 360,
          runs: false,
        }),
      ],
      tier: 2,
      stays: 'No restore point is touched.',
    },
  );
}

function repairDraft(facts: DemoFacts, action: Of<'repair'>): Draft {
  const { machine, findings } = facts;
  const chosen = findings.filter(
    ({ id, repair }) => repair !== null && action.findings.includes(id),
  );
  const count = chosen.length;
  return draft(
    facts,
    action,
    {
      title: `Repair ${machine.name}`,
      summary: `${count} ${count === 1 ? 'finding' : 'findings'} of the doctor`,
      button: `Repair ${count}`,
    },
    {
      steps: chosen.map(({ repair }) => stepOf(repair ?? '', 'Not needed')),
      undo: 'What is removed was of no use, so there is nothing to undo.',
      stays: 'No restore point and no disk is touched.',
    },
  );
}
