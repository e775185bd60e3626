/** A change and what it runs with, on the pretend libvirt. */
import type { MachineId } from '#contract/domain.ts';
import type { Catalog } from '#engine/catalog/catalog.ts';
import { createChangeLog, type Change, type ChangeLog } from '#engine/interlock/change-log.ts';
import type { RunParts } from '#engine/interlock/run-change.ts';
import type { EngineStep, StepAction } from '#engine/interlock/steps.ts';
import type { JobContext } from '#engine/jobs/job-types.ts';
import type { FakeHypervisor } from './hypervisor.ts';
import type { FakeWorld } from './world.ts';

export function step(
  title: string,
  actions: readonly StepAction[],
  undo: readonly StepAction[] | null,
): EngineStep {
  const costs = { bytes: 0, seconds: 0, downtimeSeconds: 0 };
  return { title, detail: '', actions, undo, undoWords: '', ...costs };
}

export function change(uuid: string, steps: readonly EngineStep[]): Change {
  return {
    machine: { id: `host-1/${uuid}` as MachineId, uuid, name: 'web' },
    host: 'host-1',
    action: { kind: 'snapshot-revert', name: 'before', to: 'as-taken', keep: true },
    title: 'Revert web to before',
    steps,
    done: 'web is back at before.',
    undoAction: { kind: 'revert-undo' },
  };
}

export interface ChangeRun {
  readonly parts: RunParts;
  readonly log: ChangeLog;
  /** As a person who cancels. */
  cancel(): void;
  /** Pictures and reverts that were noted, in order. */
  readonly notes: string[];
}

/** Everything a run needs; `folder` holds the plan files. */
export function changeRun(
  world: FakeWorld,
  catalog: Catalog,
  hypervisor: FakeHypervisor,
  folder: string,
  uuid: string,
): ChangeRun {
  const notes: string[] = [];
  const control = new AbortController();
  const log = createChangeLog(world, catalog.journals, folder);
  const note = (text: string) => {
    notes.push(text);
    return Promise.resolve();
  };
  const context: JobContext = {
    id: 'job-1' as JobContext['id'],
    signal: control.signal,
    journals: catalog.journals,
    step: (_title, work) =>
      work({ step: (_inner, deeper) => deeper(context), note: () => undefined }),
    note: () => undefined,
    progress: () => undefined,
    setActivity: () => undefined,
    setCancelEffect: () => undefined,
    addProblem: () => undefined,
  };
  return {
    log,
    notes,
    cancel: () => {
      control.abort();
    },
    parts: {
      log,
      context,
      execute: {
        world,
        hypervisor,
        uuid,
        pictures: {
          keep: (snapshot) => note(`keep ${snapshot}`),
          drop: (snapshot) => note(`drop ${snapshot}`),
        },
        reverts: {
          note: (to, kept) => void note(`reverted to ${to}, kept ${kept ?? 'nothing'}`),
          forget: (kept) => void note(`forget ${kept}`),
          unnote: (to, since) => void note(`unnote ${to} since ${since}`),
        },
        problem: (text) => void note(`problem: ${text}`),
        endJob: (workFolder) => note(`end job in ${workFolder}`),
      },
    },
  };
}
