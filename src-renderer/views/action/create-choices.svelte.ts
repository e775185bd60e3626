/**
 * What a person wants to be able to do, and what that asks of the planner: the words on the left
 * side are theirs, the action on the right is libvirt's. Under Advanced each default can be
 * overruled; the planner says what that would mean.
 */
import type { MachineAction } from '#contract/actions.ts';
import type { Machine } from '#contract/domain.ts';

/** try: disks only; running: disks and memory; small: a checkpoint. */
export type Want = 'try' | 'running' | 'small';
export type Storage = Extract<MachineAction, { kind: 'snapshot-create' }>['storage'];

/** Only a machine that has memory now can keep it. */
export function hasMemory({ state }: Pick<Machine, 'state'>): boolean {
  return state === 'running' || state === 'paused' || state === 'suspended';
}

/** Two actions that do the same, however the snapshot is called and described. */
export function sameDeed(a: MachineAction, b: MachineAction): boolean {
  if (a.kind !== 'snapshot-create' || b.kind !== 'snapshot-create') return a.kind === b.kind;
  return (
    a.memory === b.memory &&
    a.storage === b.storage &&
    a.freeze === b.freeze &&
    (a.disks ?? []).join(' ') === (b.disks ?? []).join(' ')
  );
}

export class CreateChoices {
  want = $state<Want>('try');
  name = $state('');
  description = $state('');
  storage = $state<Storage>('auto');
  freeze = $state(true);
  #leftOut = $state.raw<ReadonlySet<string>>(new Set());
  /** Every disk that can take part, by target. */
  readonly targets: readonly string[];

  constructor(name: string, targets: readonly string[]) {
    this.name = name;
    this.targets = targets;
  }

  has(target: string): boolean {
    return !this.#leftOut.has(target);
  }

  include(target: string, on: boolean): void {
    const next = new Set(this.#leftOut);
    if (on) next.delete(target);
    else next.add(target);
    this.#leftOut = next;
  }

  get noDisk(): boolean {
    return this.targets.length > 0 && this.targets.every((target) => this.#leftOut.has(target));
  }

  /** Takes over what the planner offers instead. */
  adopt(action: Extract<MachineAction, { kind: 'snapshot-create' }>): void {
    this.want = action.memory ? 'running' : 'try';
    this.name = action.name;
    this.description = action.description;
    this.storage = action.storage;
    this.freeze = action.freeze;
    const disks = action.disks;
    const left = disks === null ? [] : this.targets.filter((target) => !disks.includes(target));
    this.#leftOut = new Set(left);
  }

  get action(): MachineAction {
    if (this.want === 'small') return { kind: 'checkpoint-create' };
    const disks = this.targets.filter((target) => this.has(target));
    const memory = this.want === 'running';
    return {
      kind: 'snapshot-create',
      name: this.name.trim(),
      description: this.description.trim(),
      memory,
      storage: this.storage,
      freeze: this.freeze && !memory,
      disks: disks.length === this.targets.length || disks.length === 0 ? null : disks,
    };
  }
}
