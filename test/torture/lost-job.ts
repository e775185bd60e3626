/**
 * libvirt 9.0 loses a backup job when its daemon ends while the job begins, and holds the machine
 * for good (engine/hypervisor/lost-job.ts). That is no difference: Waymark has to say so at once
 * instead of waiting for libvirt, and what it advises has to help.
 */
import { expectThat } from './compare.ts';
import type { TortureWorld } from './world.ts';

/** True when it was so; the machine is off then, and libvirt as new. */
export async function mendLostJob(world: TortureWorld): Promise<boolean> {
  const { libvirtd, engine, machine, uuid } = world;
  const asked = await libvirtd.tryVirsh('domjobinfo', uuid);
  if (!asked.stderr.includes('backup job data missing')) return false;
  const repository = world.repositories[0]?.id;
  if (repository === undefined) throw new Error('No repository');
  const order = { machine, repository, exclude: [], reread: false };
  const { checks } = await engine.call('backup.plan', order);
  const blocker = checks.find(({ level }) => level === 'blocker')?.id;
  expectThat(blocker === 'lost-job', `A backup that cannot begin: ${String(blocker)}`);
  const action = { kind: 'checkpoint-create' as const };
  const { reasons } = await engine.call('actions.plan', { machine, action });
  const ids = reasons.map(({ id }) => id).join(', ');
  expectThat(ids === 'lost-job', `A change that cannot begin: ${ids}`);
  await libvirtd.virsh('destroy', uuid);
  await world.libvirtd.kill();
  await world.heal();
  return true;
}
