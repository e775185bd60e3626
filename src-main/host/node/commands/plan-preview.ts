/** waymark plan preview: which points a plan's rule keeps and removes, before it does. */
import { hasCode } from '#contract/errors.ts';
import { defaultPlanDraft, draftOf } from '#contract/plan-defaults.ts';
import type { Plan, PlanDraft } from '#contract/plans.ts';
import { flag, operand, textValues, type Command, type Context } from '../command.ts';
import { findPlan } from '../find.ts';
import { exitCodes } from '../output.ts';
import { draftFrom } from '../plan-draft.ts';
import { draftHelp, draftOptions } from '../plan-options.ts';
import { passwordFileOption, unlockAll } from '../secrets.ts';
import { plain } from '../words.ts';
import { zoneHere } from '../words-plans.ts';
import { previewWords } from '../words-preview.ts';

/** The plan of that name; null where the options draft a new one. */
async function planOrNew(context: Context, name: string): Promise<Plan | null> {
  try {
    return await findPlan(await context.client(), name);
  } catch (thrown) {
    if (!hasCode(thrown, 'plan-not-found') || textValues(context, 'to').length === 0) throw thrown;
    context.output.note(plain(`There is no plan ${name} yet: this is what a new one would do.`));
    return null;
  }
}

async function draftToShow(context: Context, plan: Plan | null, name: string): Promise<PlanDraft> {
  if (plan !== null) return draftFrom(context, draftOf(plan), false);
  return draftFrom(context, { ...defaultPlanDraft(zoneHere()), name }, true);
}

export const planPreviewCommand: Command = {
  name: 'plan preview',
  operands: '<name>',
  summary: 'which points would stay and go, now and in a year, and what that frees',
  options: {
    ...draftOptions,
    points: { type: 'boolean', help: 'every point and why it stays, not only those that go' },
    'password-file': passwordFileOption,
  },
  count: { min: 1, max: 1 },
  details: `With options: as if the plan were changed or made so. Changes nothing.\n${draftHelp}`,
  async run(context) {
    const name = operand(context, 0);
    const plan = await planOrNew(context, name);
    const draft = await draftToShow(context, plan, name);
    const client = await context.client();
    await unlockAll(context, client);
    const shown = await client.call('plans.preview', { draft, plan: plan?.id ?? null });
    context.output.result({ preview: shown }, () => previewWords(shown, flag(context, 'points')));
    return exitCodes.done;
  },
};
