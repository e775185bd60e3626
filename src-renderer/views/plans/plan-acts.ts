/** What is done to a plan from its row and from its page, with what is said of it afterwards. */
import type { MachineId } from '#contract/domain.ts';
import type { Plan, PlanRun } from '#contract/plans.ts';
import type { App } from '../../state/context.ts';
import { asAppError } from '../../state/loading.svelte.ts';
import { t } from '../../text/catalogue.ts';
import { wordsOf } from '../../text/messages.ts';
import { clockText, momentText, whenText } from '../../text/times.ts';
import type { MenuItem } from '../../ui/menu-item.ts';
import { pauseChoices, type PauseChoice } from './pause-choices.ts';

async function attempt(app: App, name: string, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    const { what } = wordsOf(asAppError(error));
    app.toasts.show(t('plan.trouble-of', { name, what }), { tone: 'bad' });
  }
}

/** Begins a run now, of all its machines or of one. */
export function runNow(app: App, plan: Plan, machine: MachineId | null = null): Promise<void> {
  return attempt(app, plan.name, async () => {
    const { length } = await app.plans.run(plan.id, machine);
    app.toasts.show(
      length === 0
        ? t('plan.begun-none', { name: plan.name })
        : t('plan.begun', { name: plan.name, count: length }),
    );
  });
}

/** Begins a waiting run although its condition is not met. */
export function runAnyway(app: App, run: PlanRun): Promise<void> {
  return attempt(app, run.plan.name, async () => {
    await app.plans.runAnyway(run.id);
    app.toasts.show(t('plan.begun', { name: run.plan.name, count: 1 }));
  });
}

export function skip(app: App, run: PlanRun): Promise<void> {
  return attempt(app, run.plan.name, async () => {
    await app.plans.skip(run.id);
  });
}

export function resume(app: App, plan: Plan): Promise<void> {
  return attempt(app, plan.name, async () => {
    const { name, nextDue } = await app.plans.resume(plan.id);
    app.toasts.show(
      nextDue === null
        ? t('plan.resumed-open', { name })
        : t('plan.resumed', { name, when: whenText(nextDue, app.clock.now) }),
    );
  });
}

function pause(app: App, plan: Plan, until: number | null): Promise<void> {
  return attempt(app, plan.name, async () => {
    await app.plans.pause(plan.id, until);
    const { name } = plan;
    app.toasts.show(
      until === null
        ? t('plan.paused', { name })
        : t('plan.paused-until', { name, when: momentText(until, app.clock.now) }),
      {
        action: {
          label: t('plan.delete-undo'),
          run: () => void resume(app, plan),
          undoes: true,
        },
      },
    );
  });
}

/** Deleted at once, with an offer to undo it: nothing that was backed up goes. */
export function remove(app: App, plan: Plan): Promise<void> {
  return attempt(app, plan.name, async () => {
    await app.plans.remove(plan.id);
    app.toasts.show(t('plan.deleted', { name: plan.name }), {
      action: {
        label: t('plan.delete-undo'),
        run: () => void bringBack(app, plan),
        undoes: true,
      },
    });
  });
}

function bringBack(app: App, plan: Plan): Promise<void> {
  return attempt(app, plan.name, async () => {
    await app.plans.bringBack(plan.id);
    app.toasts.show(t('plan.brought-back', { name: plan.name }));
  });
}

function pauseLabel({ kind, until }: PauseChoice, now: number): string {
  if (until === null) return t('plan.pause-open');
  switch (kind) {
    case 'tonight':
      return t('plan.pause-tonight', { time: clockText(until) });
    case 'tomorrow':
      return t('plan.pause-tomorrow', { time: clockText(until) });
    default:
      return t('plan.pause-week', { when: momentText(until, now) });
  }
}

/** The menu of "Pause until…". */
export function pauseItems(app: App, plan: Plan): readonly MenuItem[] {
  return pauseChoices(app.clock.now).map((choice) => ({
    label: pauseLabel(choice, app.clock.now),
    icon: 'pause',
    run: () => void pause(app, plan, choice.until),
  }));
}
