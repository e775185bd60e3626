/**
 * Freezes the guest's file systems for the moment a point is taken. Whatever happens they are
 * thawed: in the normal course, when the moment fails, and by a watchdog when the moment takes
 * too long.
 */
import type { Consistency } from '#contract/domain.ts';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import type { World } from '#engine/world/world.ts';

/** Windows gives up after 10 s, so we never hold a freeze longer. */
export const freezeWatchdogMs = 10_000;

/** Told around a freeze, so that whoever comes after a failure or a crash knows to thaw. */
export interface FreezeMarks {
  /** Before the guest is asked; when this throws it is not asked. */
  begun(): void;
  /** It was thawed. Must not throw. */
  over(): void;
}

/** Runs `moment` with the guest frozen where its agent answers, and says what that was worth. */
export async function frozen(
  world: World,
  hypervisor: Hypervisor,
  uuid: string,
  marks: FreezeMarks,
  moment: () => Promise<void>,
): Promise<Consistency> {
  if (!(await hypervisor.agentConnected(uuid))) {
    await moment();
    return { kind: 'crash', why: 'The machine was running and no guest agent answered.' };
  }
  marks.begun();
  const thaw = async () => {
    try {
      await hypervisor.thaw(uuid);
      marks.over();
    } catch (thrown) {
      world.log.error(`Thawing ${uuid} failed`, thrown);
    }
  };
  try {
    await hypervisor.freeze(uuid);
  } catch (thrown) {
    world.log.warn('The guest agent did not freeze', { uuid, reason: String(thrown) });
    await thaw(); // it may have frozen some file systems before it failed
    await moment();
    return { kind: 'crash', why: 'The guest agent could not freeze the file systems.' };
  }
  const since = world.clock.monotonic();
  const watchdog = new AbortController();
  const cancel = world.clock.timer(freezeWatchdogMs, () => {
    watchdog.abort();
    void thaw();
  });
  try {
    await moment();
  } finally {
    cancel();
    if (!watchdog.signal.aborted) await thaw();
  }
  const seconds = (world.clock.monotonic() - since) / 1000;
  if (watchdog.signal.aborted) {
    return { kind: 'crash', why: 'The guest was thawed early, because starting took too long.' };
  }
  return { kind: 'filesystem', why: `Frozen by the guest agent for ${seconds.toFixed(1)} s.` };
}

/**
 * Thaws a guest that an earlier attempt may have left frozen. One that is off, or whose agent is
 * gone since (it was started anew), is not frozen any more.
 */
export async function thawAgain(hypervisor: Hypervisor, uuid: string): Promise<void> {
  const { state } = await hypervisor.state(uuid);
  if (state === 'off' || state === 'crashed') return;
  if (await hypervisor.agentConnected(uuid)) await hypervisor.thaw(uuid);
}
