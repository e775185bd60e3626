/**
 * What libvirt 9.0 loses when its daemon ends while a backup begins. Neither is a difference:
 * Waymark has to keep its hands off, to say so, and what it advises has to help.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '#contract/errors.ts';
import { expectThat } from './compare.ts';
import { killIfThere } from './live-machine.ts';
import type { TortureWorld } from './world.ts';

const goneLimitMs = 20_000;
const pollMs = 50;

/** True when one of the two was so; the machine is off then, and libvirt as new. */
export async function mendLost(world: TortureWorld): Promise<boolean> {
  return (await mendForgotten(world)) || (await mendLostJob(world));
}

/** The job is held for good (engine/hypervisor/lost-job.ts). */
async function mendLostJob(world: TortureWorld): Promise<boolean> {
  const { libvirtd, engine, machine, uuid } = world;
  const asked = await libvirtd.tryVirsh('domjobinfo', uuid);
  if (!asked.stderr.includes('backup job data missing')) return false;
  const { checks } = await engine.call('backup.plan', backupOf(world));
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

/**
 * The daemon cannot read what it noted of the running machine ("Missing required attribute 'state'
 * in element 'disk'"), takes it for off, and its QEMU runs on. Only QEMU's locks tell: nothing may
 * be read from its images as if they were closed, and nothing be done to them.
 */
async function mendForgotten(world: TortureWorld): Promise<boolean> {
  const { live, engine, machine } = world;
  const pid = await live.qemuPid();
  if ((await live.power()) !== 'off' || pid === null || !isThere(pid)) return false;
  const order = { ...backupOf(world), accepted: [] };
  await expectRefused('A backup of it', world, () => engine.call('backup.start', order));
  const what = { name: 'never', description: '', memory: false, disks: null, freeze: false };
  const action = { kind: 'snapshot-create' as const, storage: 'internal' as const, ...what };
  const plan = await engine.call('actions.plan', { machine, action });
  if (plan.verdict !== 'refused') {
    const asked = { machine, action, fingerprint: plan.fingerprint, accepted: [], typed: null };
    await expectRefused('A snapshot of it', world, () => engine.call('actions.start', asked));
  }
  process.kill(pid, 'SIGTERM'); // its images are closed as they should be
  const deadline = performance.now() + goneLimitMs;
  while (isThere(pid) && performance.now() < deadline) await sleep(pollMs);
  killIfThere(pid);
  return true;
}

function backupOf({ machine, repositories: [repository] }: TortureWorld) {
  if (repository === undefined) throw new Error('No repository');
  return { machine, repository: repository.id, exclude: [], reread: false };
}

async function expectRefused(
  what: string,
  { engine }: TortureWorld,
  begin: () => ReturnType<TortureWorld['engine']['call']>,
): Promise<void> {
  try {
    const job = await engine.ended((await begin()) as Parameters<typeof engine.ended>[0]);
    expectThat(job.state.kind === 'failed', `${what} was done though its QEMU runs`);
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown; // refused at once: as good
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
