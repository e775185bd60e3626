/**
 * What has happened to the snapshots and checkpoints of a pretend machine since it was invented:
 * the same for its timeline, for the plans, and for the jobs that change it.
 */
import type { Machine, MachineId } from '#contract/domain.ts';
import type { Checkpoint, Revert, Snapshot, Timeline, Unfinished } from '#contract/moments.ts';
import { day, hour } from './demo-machines.ts';
import { demoCheckpoints } from './demo-points.ts';
import { demoBeginning, thousandBeginning, type Beginning } from './demo-snapshots.ts';
import type { DemoState } from './demo-state.ts';

export interface Story {
  snapshots: Snapshot[];
  /** Null: as invented from the machine's newest point. */
  checkpoints: Checkpoint[] | null;
  reverts: Revert[];
  readonly chainWarning: Timeline['chainWarning'];
  /** Ids of findings that were repaired. */
  readonly repaired: Set<string>;
}

export function storyOf(state: DemoState, machine: Machine, now: number): Story {
  const known = state.stories.get(machine.id);
  if (known !== undefined) return known;
  const story = begin(demoBeginning(machine, now));
  state.stories.set(machine.id, story);
  return story;
}

function begin({ snapshots, checkpoints, reverts, chainWarning }: Beginning): Story {
  return {
    snapshots: [...snapshots],
    checkpoints: checkpoints === null ? null : [...checkpoints],
    reverts: [...reverts],
    chainWarning,
    repaired: new Set(),
  };
}

/** The stories of a state in which nextcloud has a thousand snapshots. */
export function thousandSnapshots(machines: readonly Machine[], now: number): DemoState['stories'] {
  const many = machines.filter(({ name }) => name === 'nextcloud');
  return new Map(many.map((machine) => [machine.id, begin(thousandBeginning(machine, now))]));
}

export function checkpointsOf(story: Story, machine: Machine): readonly Checkpoint[] {
  return story.checkpoints ?? demoCheckpoints(machine);
}

/** The newest revert whose kept place is still there. */
function undoable(story: Story): Timeline['undo'] {
  const [revert] = story.reverts;
  if (revert === undefined) return null;
  const there = story.snapshots.some(({ name }) => name === revert.kept);
  return there ? { revert, action: { kind: 'revert-undo' } } : null;
}

/** The parts of a timeline that plans and jobs change. */
export function storyTimeline(
  state: DemoState,
  machine: Machine,
  now: number,
): Pick<Timeline, 'snapshots' | 'checkpoints' | 'reverts' | 'undo' | 'chainWarning'> {
  const story = storyOf(state, machine, now);
  return {
    snapshots: [...story.snapshots],
    checkpoints: checkpointsOf(story, machine),
    reverts: [...story.reverts],
    undo: undoable(story),
    chainWarning: story.chainWarning,
  };
}

/** Two changes that were cut off: one that can go both ways, one that can only be finished. */
export function demoUnfinished(machines: readonly Machine[], now: number): Unfinished[] {
  const named = (name: string): Unfinished['machine'] => {
    const found = machines.find((machine) => machine.name === name);
    return { id: found?.id ?? ('' as MachineId), name };
  };
  return [
    {
      id: 'cut-1' as Unfinished['id'],
      machine: named('nextcloud'),
      action: { kind: 'snapshot-revert', name: 'before-upgrade', to: 'as-taken', keep: true },
      title: 'Revert nextcloud to before-upgrade',
      startedAt: now - hour,
      steps: [
        { title: 'Save where you are now', state: 'done' },
        { title: 'Remove the checkpoint of attic', state: 'done' },
        { title: 'Go back to before-upgrade', state: 'cut-off' },
        { title: 'Set a new checkpoint for each repository', state: 'not-begun' },
      ],
      finish: 'Goes back to before-upgrade, then sets a new checkpoint.',
      undo: 'Goes back to where nextcloud was at 09:32, with everything running.',
      leave: null,
      why: '',
    },
    {
      id: 'cut-2' as Unfinished['id'],
      machine: named('win11-tax'),
      action: { kind: 'snapshot-delete', names: ['upgrade-failed'], children: false },
      title: 'Delete upgrade-failed of win11-tax',
      startedAt: now - day,
      steps: [
        { title: 'Merge the disk of upgrade-failed', state: 'done' },
        { title: 'Forget upgrade-failed', state: 'cut-off' },
      ],
      finish: 'Forgets upgrade-failed; its disk is merged already.',
      undo: null,
      leave: 'Changes nothing more and closes the record.',
      why: 'Its disk was merged, so upgrade-failed cannot be brought back.',
    },
  ];
}
