/**
 * What is asked about a machine's snapshots and checkpoints beside the timeline. By name: QEMU of
 * `jenkins` was killed while it recorded, `mail` is busy, machines that are off tell no bytes.
 */
import type { Handlers } from '#contract/contract.ts';
import type { Machine } from '#contract/domain.ts';
import type { BitmapHealth, Checkpoint, CheckpointState } from '#contract/moments.ts';
import { day, mib } from './demo-machines.ts';
import { demoPicture } from './demo-pictures.ts';
import { storyOf, storyTimeline } from './demo-story.ts';
import type { Demo } from './handlers.ts';

/** Invented growth while one looks, so that "changed since" is seen to be alive. */
const bytesPerSecond = 3 * mib;

function stateOf(machine: Machine, checkpoint: Checkpoint, now: number): CheckpointState {
  const health: BitmapHealth = machine.name === 'jenkins' ? 'inconsistent' : 'healthy';
  const known = machine.changed !== null && machine.state !== 'off';
  const since = machine.lastPoint?.time ?? now;
  const older = Math.max(0, since - checkpoint.time) / day;
  const alive = machine.changed === null ? 0 : (now - machine.changed.at) / 1000;
  const all = (machine.changed?.bytes ?? 0) * (1 + 1.8 * older) + alive * bytesPerSecond;
  const disks = checkpoint.disks.map((target, index) => ({
    target,
    health,
    changedBytes: known ? Math.round(index === 0 ? all * 0.3 : all * 0.7) : null,
  }));
  const sum = disks.reduce((total, disk) => total + (disk.changedBytes ?? 0), 0);
  return { name: checkpoint.name, health, changedBytes: known ? sum : null, disks };
}

export function momentHandlers(
  demo: Demo,
): Pick<Handlers, 'snapshots.picture' | 'checkpoints.states'> {
  return {
    'snapshots.picture': async ({ machine, name }) => {
      const { snapshots } = storyOf(demo.state, demo.machine(machine), demo.now());
      const found = snapshots.find((snapshot) => snapshot.name === name);
      return found?.picture === true ? demoPicture(name) : null;
    },
    'checkpoints.states': async ({ machine: id }) => {
      const machine = demo.machine(id);
      const { checkpoints } = storyTimeline(demo.state, machine, demo.now());
      const waits = machine.name === 'mail' ? 'libvirt is busy with another job of it.' : null;
      return {
        machine: id,
        at: demo.now() - (waits === null ? 0 : 240_000),
        checkpoints: checkpoints.map((checkpoint) => stateOf(machine, checkpoint, demo.now())),
        waits,
      };
    },
  };
}
