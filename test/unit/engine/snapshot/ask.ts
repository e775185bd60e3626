/** Machines and questions for the planners of snapshots; a test says only what is different. */
import type { MachineAction } from '#contract/actions.ts';
import type { DiskFacts, MachineFacts } from '#engine/interlock/facts.ts';
import type { EnginePlan } from '#engine/interlock/plan.ts';
import type { StepAction } from '#engine/interlock/steps.ts';
import { planCreate } from '#engine/snapshot/plan-create.ts';
import { machineFacts } from '../../../fakes/machine-facts.ts';
import { perform } from '../../../fakes/pretend-machine.ts';
import {
  guestWrites,
  pretendWorld,
  type PretendSpec,
  type PretendWorld,
} from '../../../fakes/pretend-world.ts';

export type Create = Extract<MachineAction, { kind: 'snapshot-create' }>;

export function askCreate(replace: Partial<Create> = {}): Create {
  return {
    ...{ kind: 'snapshot-create', name: 'before-upgrade', description: '', memory: true },
    ...{ storage: 'auto', freeze: true, disks: null },
    ...replace,
  };
}

export function facts(spec: PretendSpec = {}, replace: Partial<MachineFacts> = {}): MachineFacts {
  return machineFacts(pretendWorld(spec), replace);
}

/** Does what the plan says; it must be allowed. */
export function carryOut(world: PretendWorld, plan: EnginePlan): void {
  if (plan.verdict === 'refused') throw new Error(JSON.stringify(plan.reasons));
  for (const { actions } of plan.steps) for (const action of actions) perform(world, action);
}

export function take(world: PretendWorld, replace: Partial<Create> = {}): void {
  carryOut(world, planCreate(machineFacts(world), askCreate(replace)));
}

/** With a snapshot of that kind, named "first". */
export function factsWith(storage: 'internal' | 'external', spec: PretendSpec = {}): MachineFacts {
  const world = pretendWorld(spec);
  take(world, { name: 'first', storage });
  return machineFacts(world);
}

export function does(plan: EnginePlan): readonly StepAction['do'][] {
  return plan.steps.flatMap(({ actions }) => actions.map((action) => action.do));
}

export function created(plan: EnginePlan): Extract<StepAction, { do: 'create-snapshot' }> {
  for (const { actions } of plan.steps) {
    for (const action of actions) if (action.do === 'create-snapshot') return action;
  }
  throw new Error('nothing is taken');
}

export const reasonsOf = ({ reasons }: EnginePlan) => reasons.map(({ id }) => id);

export function withUefi(nvramFormat: string): Partial<MachineFacts> {
  const firmware = {
    ...{ kind: 'uefi' as const, loaderPath: null, pflash: true, nvramPath: null },
    ...{ nvramFormat, nvramTemplate: null },
  };
  return { definition: { ...facts().definition, firmware } };
}

export function withHostDevice(from: MachineFacts): MachineFacts {
  return { ...from, definition: { ...from.definition, hostDevices: ['pci 0000:03:00.0'] } };
}

/** A user of a system host whose images are not his. */
export function asStranger(from: MachineFacts): MachineFacts {
  const disks = from.disks.map((disk) => ({
    ...disk,
    chain: disk.chain.map((image) => ({ ...image, writable: false })),
  }));
  return { ...from, disks, host: { ...from.host, kind: 'system-user' } };
}

export function extraDisk(
  from: MachineFacts,
  target: string,
  leftOut: DiskFacts['leftOut'],
): MachineFacts {
  const disk: DiskFacts = { target, leftOut, chain: [], freeBytes: null };
  return { ...from, disks: [...from.disks, disk] };
}

/** Its first disk stands on so many images. */
export function withImages(from: MachineFacts, images: number): MachineFacts {
  const [disk, ...others] = from.disks;
  const [image] = disk?.chain ?? [];
  if (disk === undefined || image === undefined) throw new Error('a machine without a disk');
  const chain = Array.from({ length: images }, (_, index) => ({
    ...image,
    path: `/images/${index}.qcow2`,
  }));
  return { ...from, disks: [{ ...disk, chain }, ...others] };
}

export type Revert = Extract<MachineAction, { kind: 'snapshot-revert' }>;

export function askRevert(replace: Partial<Revert> = {}): Revert {
  return { kind: 'snapshot-revert', name: 'good', to: 'as-taken', keep: true, ...replace };
}

/** Taken as asked while the machine was in `then`; now it is in `now`. */
export function taken(
  how: Partial<Create> & { then?: PretendSpec['state']; now?: PretendSpec['state'] } = {},
  spec: PretendSpec = {},
): MachineFacts {
  const { then = 'running', now = then, ...asked } = how;
  const world = pretendWorld({ ...spec, state: then });
  take(world, { name: 'good', ...asked });
  if (now === 'off') perform(world, { do: 'stop' });
  else if (world.state === 'off') perform(world, { do: 'start', paused: now === 'paused' });
  else world.state = now;
  if (now === 'running') guestWrites(world, 1, 7);
  return machineFacts(world);
}
