/** Writes, power and crashes: what happens to a machine whether or not Waymark is there. */
import { expectThat } from './compare.ts';
import { afterWrite, isActive, type Model, type PowerState } from './model.ts';
import { writeNumber, type Crash, type Power, type Write } from './operation.ts';
import type { Performed, Stand } from './perform.ts';

const done = (model: Model): Performed => ({ model, outcome: 'done', note: '' });

export async function performWrites(
  { world }: Stand,
  model: Model,
  n: number,
  writes: readonly Write[],
): Promise<Performed> {
  let { disks } = model;
  for (const [k, write] of writes.entries()) {
    const number = writeNumber(n, k);
    await world.live.write(write.disk, write.first, write.count, write.zero ? 0 : number);
    disks = afterWrite(disks, write, number);
  }
  return done({ ...model, disks });
}

/** With virsh, as a person or another program does it. */
export async function performPower(
  { world }: Stand,
  model: Model,
  operation: Power,
): Promise<Performed> {
  const { libvirtd, uuid } = world;
  const become = async (power: PowerState, ...args: readonly string[]) => {
    await libvirtd.virsh(...args);
    return done({ ...model, power });
  };
  switch (operation.do) {
    case 'start':
      return operation.paused
        ? become('paused', 'start', '--paused', uuid)
        : become('running', 'start', uuid);
    case 'stop':
      return become('off', 'destroy', uuid);
    case 'pause':
      return become('paused', 'suspend', uuid);
    case 'resume':
      return become('running', 'resume', uuid);
    case 'save':
      return become('saved', 'managedsave', uuid, '--running');
  }
}

export async function performCrash(
  { world }: Stand,
  model: Model,
  operation: Crash,
): Promise<Performed> {
  const off = isActive(model) ? { ...model, power: 'off' as const } : model;
  switch (operation.do) {
    case 'kill-qemu':
      await world.live.killQemu();
      return done(off);
    case 'kill-libvirtd': {
      await world.libvirtd.kill();
      const pid = operation.withQemu ? await world.live.qemuPid() : null;
      if (pid !== null) process.kill(pid, 'SIGKILL');
      await world.heal();
      return done(pid === null ? model : off);
    }
    case 'kill-engine':
      await world.engine.kill();
      await world.heal();
      return done(model);
    case 'power-cut':
      await world.cutPower();
      await world.heal();
      return done(off);
    case 'restart-engine':
      await world.engine.stop();
      expectThat(!world.engine.alive(), 'The engine stopped and is still there');
      await world.heal();
      return done(model);
  }
}

/** Writes where nobody is told of it; nothing where there is no snapshot to write into. */
export async function tamper(
  { world: { live, libvirtd } }: Stand,
  model: Model,
  what: 'disk' | 'snapshot',
): Promise<Performed> {
  const [disk] = model.specs;
  if (what === 'disk' && disk !== undefined) await live.write(disk.target, 0, 1, maxNumber);
  const image = (await live.snapshots())[0]?.disks[0]?.image;
  if (what === 'snapshot' && image !== undefined && image !== null) {
    const args = ['-f', image.format, '-c', 'write -P 0xee 0 512', image.path];
    await libvirtd.runAs('qemu-io', args);
  }
  return done(model);
}

/** No operation writes with this number. */
const maxNumber = 0xff_ff_ff_ff;
