/**
 * Whether a run may begin now, and in words what it waits for. The cheap questions come first; the
 * one that takes seconds, how busy the guest is, comes when nothing else is in the way.
 */
import type { Host, MachineId, Named, RepositoryId } from '#contract/domain.ts';
import type { World } from '#engine/world/world.ts';
import type { Conditions, KeptPlan, PlannedMachine, Wait } from './conditions.ts';
import { createGuestTraffic } from './guest-traffic.ts';
import { isWithin } from './time-window.ts';

export type RepositoryNow = 'reachable' | 'absent' | 'silent' | 'other' | 'locked';

/** What engine.ts lets it ask. Any of them may reject: then nobody knows, and the run begins. */
export interface ConditionSources {
  /** Null when it was forgotten here. */
  host(machine: PlannedMachine): Pick<Host, 'name' | 'state'> | null;
  onBattery(): Promise<boolean>;
  metered(): Promise<boolean>;
  repository(id: RepositoryId): Promise<RepositoryNow>;
  /** Title of a change of this machine that was cut off. */
  unfinished(uuid: string): string | null;
  /** Title of the job that has the machine. */
  job(machine: MachineId): string | null;
  /** Read and written since the machine started; null when it is off. */
  guestBytes(machine: MachineId): Promise<number | null>;
  bytesInWords(bytes: number): string;
}

export function createConditions(world: World, sources: ConditionSources): Conditions {
  const traffic = createGuestTraffic(world.clock);
  const busy = async (plan: KeptPlan, { id, name }: PlannedMachine): Promise<Wait | null> => {
    const limit = plan.conditions.busyBytesPerSecond;
    if (limit === null) return null;
    const rate = await traffic.rate(id, () => sources.guestBytes(id));
    if (rate <= limit) return null;
    const [now, allowed] = [rate, limit].map((bytes) => sources.bytesInWords(Math.round(bytes)));
    return {
      reason: 'machine-busy',
      words:
        `Waits until ${name} is less busy: it reads and writes ${now ?? ''} a second, ` +
        `more than ${allowed ?? ''}.`,
    };
  };
  return {
    check: async (plan, machine, repository) => {
      const questions: readonly (() => Wait | null | Promise<Wait | null>)[] = [
        () => outsideWindow(plan, world.clock.now()),
        () => unreachable(sources.host(machine)),
        () => onBattery(plan, sources),
        () => metered(plan, sources),
        async () => absent(repository, await sources.repository(repository.id)),
        () => cutOff(machine, sources.unfinished(machine.uuid)),
        () => otherJob(sources.job(machine.id)),
        () => busy(plan, machine),
      ];
      for (const ask of questions) {
        try {
          const wait = await ask();
          if (wait !== null) return wait;
        } catch (thrown) {
          world.log.error('A condition could not be found out and is taken as met', thrown);
        }
      }
      return null;
    },
  };
}

function outsideWindow({ conditions: { window }, zone }: KeptPlan, now: number): Wait | null {
  if (window === null || isWithin(window, zone, now)) return null;
  return {
    reason: 'outside-window',
    words: `Waits for its hours, ${window.from} to ${window.to} (${zone}).`,
  };
}

function unreachable(host: Pick<Host, 'name' | 'state'> | null): Wait | null {
  if (host?.state.kind === 'connected') return null;
  return { reason: 'host-unreachable', words: `Waits for ${hostWords(host)}.` };
}

function hostWords(host: Pick<Host, 'name' | 'state'> | null): string {
  switch (host?.state.kind) {
    case undefined:
      return 'a host that was removed here';
    case 'connecting':
      return `the host ${host?.name ?? ''}, which is being connected`;
    case 'stopped':
      return `the host ${host?.name ?? ''}, which is not started`;
    default:
      return `the host ${host?.name ?? ''}, which cannot be reached`;
  }
}

async function onBattery(plan: KeptPlan, sources: ConditionSources): Promise<Wait | null> {
  if (!plan.conditions.notOnBattery || !(await sources.onBattery())) return null;
  return { reason: 'on-battery', words: 'Waits until the computer is plugged in.' };
}

async function metered(plan: KeptPlan, sources: ConditionSources): Promise<Wait | null> {
  if (!plan.conditions.notMetered || !(await sources.metered())) return null;
  return { reason: 'metered', words: 'Waits for a network that does not cost by the byte.' };
}

function absent({ name }: Named<RepositoryId>, now: RepositoryNow): Wait | null {
  switch (now) {
    case 'reachable':
      return null;
    case 'absent':
      return {
        reason: 'repository-absent',
        words: `Waits for the folder of ${name}, which is not there.`,
      };
    case 'silent':
      return {
        reason: 'repository-absent',
        words: `Waits for the folder of ${name}, which does not answer.`,
      };
    case 'other':
      return {
        reason: 'repository-absent',
        words: `Waits for ${name}: another repository is in its folder.`,
      };
    case 'locked':
      return {
        reason: 'repository-locked',
        words: `Waits for the password of ${name}, which is not remembered.`,
      };
  }
}

function cutOff({ name }: PlannedMachine, title: string | null): Wait | null {
  if (title === null) return null;
  return {
    reason: 'unfinished-change',
    words: `Waits until “${title}” is finished or undone: it was cut off on ${name}.`,
  };
}

function otherJob(title: string | null): Wait | null {
  if (title === null) return null;
  return { reason: 'other-job', words: `Waits for “${title}”, which has the machine now.` };
}
