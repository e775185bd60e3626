/**
 * What other programs do to the machine with virsh, while Waymark knows of it or not. What libvirt
 * refuses is refused; what it does must show in the model.
 */
import { join } from 'node:path';
import { Mismatch, expectThat } from './compare.ts';
import {
  byAlias,
  isActive,
  only,
  over,
  withSnapshot,
  withoutSnapshots,
  type KnownSnapshot,
  type Model,
} from './model.ts';
import { aliasOf, type Foreign, type Operation } from './operation.ts';
import type { Performed, Stand } from './perform.ts';
import type { TortureWorld } from './world.ts';

export async function performForeign(
  { world }: Stand,
  model: Model,
  operation: Foreign & Operation,
): Promise<Performed> {
  switch (operation.do) {
    case 'other-snapshot':
      return takeSnapshot(world, model, operation);
    case 'other-revert':
      return revert(world, model, operation.alias);
    case 'other-snapshot-delete':
      return removeSnapshot(world, model, operation.alias);
    case 'other-checkpoint': {
      const name = `other-${operation.n}`;
      return asTold(model, await virsh(world, 'checkpoint-create-as', world.uuid, name));
    }
    case 'other-checkpoint-delete': {
      const names = await world.live.checkpoints();
      const name = names[operation.which % Math.max(1, names.length)];
      if (name === undefined) return { model, outcome: 'skipped', note: '' };
      return asTold(model, await virsh(world, 'checkpoint-delete', world.uuid, name));
    }
  }
}

interface Answer {
  readonly ok: boolean;
  readonly note: string;
}

async function virsh(world: TortureWorld, ...args: readonly string[]): Promise<Answer> {
  const { code, stderr } = await world.libvirtd.tryVirsh(...args);
  return { ok: code === 0, note: code === 0 ? '' : (stderr.trim().split('\n')[0] ?? '') };
}

function asTold(model: Model, { ok, note }: Answer): Performed {
  return { model, outcome: ok ? 'done' : 'refused', note };
}

async function takeSnapshot(
  world: TortureWorld,
  model: Model,
  { n, external, memory }: Extract<Foreign, { do: 'other-snapshot' }> & Operation,
): Promise<Performed> {
  const name = aliasOf(n);
  const active = isActive(model);
  const ticks = await world.live.ticks();
  const specs = model.specs.flatMap(({ target }) => [
    '--diskspec',
    `${target},snapshot=${external ? 'external' : 'internal'}`,
  ]);
  // An active machine has no internal snapshot without memory.
  const withMemory = active && (memory || !external);
  const file = join(world.machineFolder, `${name}.memory`);
  const flags = external
    ? withMemory
      ? ['--memspec', `file=${file},snapshot=external`]
      : ['--disk-only']
    : [];
  const args = ['snapshot-create-as', world.uuid, name, ...specs, ...flags];
  const answer = await virsh(world, ...args);
  const seen = (await world.live.snapshots()).find((one) => one.name === name);
  if (!answer.ok) {
    expectThat(
      seen === undefined,
      `virsh could not take ${name} (${answer.note}), but it is there`,
    );
    return asTold(model, answer);
  }
  if (seen === undefined) throw new Mismatch(`virsh took ${name} and does not list it`);
  const targets = new Set(seen.disks.map(({ target }) => target));
  const snapshot: KnownSnapshot = {
    alias: name,
    name,
    storage: external ? 'external' : 'internal',
    moment: only(model.disks, targets),
    memory: withMemory,
    power: model.power,
    ticks: ticks === null ? null : { least: ticks, most: (await world.live.ticks()) ?? ticks },
    by: 'other',
  };
  return asTold(withSnapshot(model, snapshot), answer);
}

/** With a checkpoint in the way libvirt stops the machine and then fails: the disks stay. */
async function revert(world: TortureWorld, model: Model, alias: string): Promise<Performed> {
  const snapshot = byAlias(model, alias);
  if (snapshot === null) return { model, outcome: 'skipped', note: '' };
  const answer = await virsh(world, 'snapshot-revert', world.uuid, snapshot.name);
  const power = await world.live.power();
  if (!answer.ok) return asTold({ ...model, power }, answer);
  const disks = over(model.disks, snapshot.moment);
  return asTold({ ...model, power, disks, reverted: true }, answer);
}

async function removeSnapshot(
  world: TortureWorld,
  model: Model,
  alias: string,
): Promise<Performed> {
  const snapshot = byAlias(model, alias);
  if (snapshot === null) return { model, outcome: 'skipped', note: '' };
  const answer = await virsh(world, 'snapshot-delete', world.uuid, snapshot.name);
  return asTold(answer.ok ? withoutSnapshots(model, new Set([snapshot.name])) : model, answer);
}
