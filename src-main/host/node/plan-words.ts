/** A plan in words for a terminal, in the order a person decides by. */
import type { ActionPlan, PlanStep } from '#contract/actions.ts';
import { actionLine } from './action-line.ts';
import { duration, plainLines, size } from './words.ts';

const verdicts: Readonly<Record<ActionPlan['verdict'], string>> = {
  allowed: 'Allowed',
  'allowed-after': 'Allowed, after what stands in the way is dealt with',
  refused: 'Refused',
};

function costs({ bytes, seconds, downtimeSeconds }: PlanStep): string {
  const parts = [
    ...(bytes === null || bytes === 0 ? [] : [size(bytes)]),
    ...(seconds === null || seconds === 0 ? [] : [`about ${duration(seconds)}`]),
    ...(downtimeSeconds === 0 ? [] : [`it does not run for ${duration(downtimeSeconds)} of that`]),
  ];
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

function stepLines(steps: readonly PlanStep[]): readonly string[] {
  return steps.flatMap((step, index) => [
    `  ${index + 1}. ${step.title}${costs(step)}`,
    ...(step.detail === '' ? [] : [`     ${step.detail}`]),
    `     Undo: ${step.undo}`,
  ]);
}

/** What is known of the whole; zero is not worth a line. */
function costLines({ costs: total }: ActionPlan): readonly string[] {
  const { bytes, freeBytes, seconds, downtimeSeconds } = total;
  const free = freeBytes === null ? '' : ` of ${size(freeBytes)} that are free`;
  return [
    ...(bytes === null || bytes === 0 ? [] : [`Space:    ${size(bytes)}${free}`]),
    ...(seconds === null || seconds === 0 ? [] : [`Time:     about ${duration(seconds)}`]),
    ...(downtimeSeconds === null || downtimeSeconds === 0
      ? []
      : [`Downtime: about ${duration(downtimeSeconds)}`]),
  ];
}

function storageLines({ storage }: ActionPlan): readonly string[] {
  if (storage === null) return [];
  const { chosen, why, other } = storage;
  const name = chosen === 'internal' ? 'external' : 'internal';
  return [
    `Kind:     ${chosen}. ${why}`,
    `          ${other.allowed ? `--kind ${name} can be asked for` : `Not ${name}`}: ${other.why}`,
  ];
}

/** "Title: detail", or the title alone. */
export function saidWith({ title, detail }: { title: string; detail: string }): string {
  return detail === '' ? title : `${title}: ${detail}`;
}

function listed(
  entries: readonly { readonly title: string; readonly detail: string }[],
): readonly string[] {
  return entries.map((entry) => `  - ${saidWith(entry)}`);
}

function titled(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', title, ...lines];
}

function stepParts(plan: ActionPlan): readonly string[] {
  const later = plan.steps.filter((step) => !step.runs);
  return [
    ...titled('Steps:', stepLines(plan.steps.filter((step) => step.runs))),
    ...titled(
      'Later, by itself:',
      later.map((step) => {
        const title = `${step.title}${costs(step)}`;
        return `  - ${saidWith({ title, detail: step.detail })}`;
      }),
    ),
    ...titled(
      'Lost for good:',
      plan.lost.map((loss) => `  - ${loss}`),
    ),
    '',
    ...storageLines(plan),
    ...costLines(plan),
    `Undo:     ${plan.undo}`,
    `Stays:    ${plan.stays}`,
  ];
}

/**
 * What will be done, what it costs and how it is undone. `machine` is the word the person wrote for
 * the machine, for the commands offered instead.
 */
export function planWords(machine: string, plan: ActionPlan): string {
  const refused = plan.verdict === 'refused';
  const lines = [
    plan.title,
    `${verdicts[plan.verdict]}. ${plan.summary}`,
    ...titled(refused ? 'Why:' : 'First:', listed(plan.reasons)),
    ...(refused ? [] : stepParts(plan)),
    ...titled(
      'Other ways:',
      plan.alternatives.map(({ title, action }) => `  - ${title}: ${actionLine(machine, action)}`),
    ),
  ];
  return plainLines(lines.join('\n'));
}

/** What only a dry run shows: the checks that starting puts as questions, and what will run. */
export function dryRunWords(plan: ActionPlan): string {
  const lines = [
    ...titled('To look at:', listed(plan.checks.filter((check) => check.level !== 'ok'))),
    ...titled(
      'What will run:',
      plan.commands.map((command) => `  ${command}`),
    ),
  ];
  return plainLines(lines.join('\n'));
}
