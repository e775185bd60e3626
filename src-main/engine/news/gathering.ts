/**
 * Failures of one plan that follow each other closely, told in one: a repository that is full fails
 * two hundred machines in a night, and the two hundredth notice says no more than the second. The
 * first is told at once; those within the next minutes are summed up, and while more come, more
 * seldom.
 *
 * What is held is in memory: a process that is killed does not sum it up. Each run is in the
 * catalog, with its reason, all the same.
 */
import type { News } from '#contract/news.ts';
import type { PlanId } from '#contract/plans.ts';
import type { Clock } from '#engine/world/clock.ts';

/** After a failure that was told the next ones are held this long; milliseconds. */
export const gatherMs = 5 * 60_000;
/** Each time that something was held it doubles, up to this; milliseconds. */
export const longestGatherMs = 60 * 60_000;
/** Titles told in one; beyond it is said how many more there are. */
const maxTold = 5;

type Telling = Omit<News, 'id' | 'time'>;

export interface Gathering {
  /** True when it is held, and told later with others. */
  holds(news: Telling): boolean;
  /** Tells what is held; from now on nothing is. */
  end(): void;
}

interface Held {
  /** The first ones of `count`. */
  readonly first: readonly Telling[];
  readonly count: number;
  readonly ms: number;
  readonly cancel: () => void;
}

/** `tell` is called with what was held, summed up. */
export function createGathering(
  clock: Pick<Clock, 'timer'>,
  tell: (news: Telling) => void,
): Gathering {
  const plans = new Map<PlanId, Held>();
  let ended = false;
  const open = (plan: PlanId, ms: number) => {
    const cancel = clock.timer(ms, () => {
      const held = plans.get(plan);
      plans.delete(plan);
      if (held === undefined || held.count === 0) return;
      open(plan, Math.min(held.ms * 2, longestGatherMs));
      tell(summed(held));
    });
    plans.set(plan, { first: [], count: 0, ms, cancel });
  };
  return {
    holds: (news) => {
      const { kind, plan } = news;
      if (ended || kind !== 'failed' || plan === null) return false;
      const held = plans.get(plan);
      if (held === undefined) {
        open(plan, gatherMs);
        return false;
      }
      const first = held.first.length < maxTold ? [...held.first, news] : held.first;
      plans.set(plan, { ...held, first, count: held.count + 1 });
      return true;
    },
    end: () => {
      ended = true;
      for (const held of plans.values()) {
        held.cancel();
        if (held.count > 0) tell(summed(held));
      }
      plans.clear();
    },
  };
}

function summed({ first, count }: Held): Telling {
  const [one] = first;
  if (one === undefined) throw new Error('nothing is held');
  if (count === 1) return one;
  const titles = first.map(({ title }) => title).join(', ');
  const more = count > first.length ? `, and ${count - first.length} more` : '';
  return {
    ...one,
    title: `${count} more backups failed`,
    body: `${titles}${more}. The first of them: ${one.body}`,
    machine: null,
  };
}
