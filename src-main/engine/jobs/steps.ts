import type { JobStep } from '#contract/domain.ts';
import { AppError, hasCode } from '#contract/errors.ts';
import type { StepScope } from './job-types.ts';

/** The tree of what a job did. */
export interface StepLog {
  readonly root: StepScope;
  snapshot(): readonly JobStep[];
  /** Nothing runs any more: whatever still says so gets this outcome. */
  close(outcome: 'done' | 'failed' | 'skipped'): void;
}

/** Steps beyond this many still run; they are only not recorded. */
export const maxRecordedSteps = 500;

interface Node {
  readonly title: string;
  readonly startedAt: number;
  endedAt: number | null;
  outcome: JobStep['outcome'];
  note: string;
  readonly steps: Node[];
}

/** `now` is epoch milliseconds; `changed` is called after every change of the tree. */
export function createStepLog(now: () => number, changed: () => void): StepLog {
  const top: Node[] = [];
  const running: Node[] = [];
  let recorded = 0;

  const end = (node: Node, outcome: JobStep['outcome']) => {
    if (node.outcome !== 'running') return;
    node.outcome = outcome;
    node.endedAt = now();
    running.splice(running.indexOf(node), 1);
    changed();
  };
  const scope = (siblings: Node[], self: Node | null): StepScope => ({
    step: async (title, work) => {
      const node: Node = {
        title,
        startedAt: now(),
        endedAt: null,
        outcome: 'running',
        note: '',
        steps: [],
      };
      recorded += 1;
      if (recorded <= maxRecordedSteps) siblings.push(node);
      running.push(node);
      changed();
      try {
        const value = await work(scope(node.steps, node));
        end(node, 'done');
        return value;
      } catch (thrown) {
        if (node.note === '' && thrown instanceof AppError) node.note = thrown.message;
        end(node, hasCode(thrown, 'cancelled') ? 'skipped' : 'failed');
        throw thrown;
      }
    },
    note: (text) => {
      const node = self ?? running.at(-1);
      if (node === undefined) return;
      node.note = text;
      changed();
    },
  });

  return {
    root: scope(top, null),
    snapshot: () => top.map(toStep),
    close: (outcome) => {
      for (const node of [...running]) end(node, outcome);
    },
  };
}

function toStep(node: Node): JobStep {
  const { title, startedAt, endedAt, outcome, note } = node;
  const step = { title, startedAt, endedAt, outcome, note };
  return node.steps.length === 0 ? step : { ...step, steps: node.steps.map(toStep) };
}
