/** A pre-flight at the terminal: what forbids the start, and what a person has to accept first. */
import type { Check } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import { confirmStep, type Context } from './command.ts';
import { plain } from './words.ts';

/**
 * Judges a pre-flight: a blocker is `refused` with every reason; warnings that ask are put to the
 * person (or `--yes`). Returns the ids of the accepted ones.
 */
export async function passChecks(
  context: Context,
  checks: readonly Check[],
): Promise<readonly string[]> {
  const blockers = checks.filter((check) => check.level === 'blocker');
  if (blockers.length > 0) {
    throw new AppError('refused', blockers[0]?.title ?? 'The pre-flight says no.', {
      reasons: blockers.map((check) => `${check.title}: ${check.detail}`),
      checks: blockers.map(({ id, title, detail }) => ({ id, title, detail })),
      unharmed: 'Nothing was touched.',
    });
  }
  for (const check of checks) {
    if (check.level === 'warning') context.output.note(plain(`${check.title}: ${check.detail}`));
  }
  const asking = checks.filter((check) => check.accept !== undefined);
  for (const check of asking) {
    await confirmStep(context, `${check.title}: ${check.accept ?? check.detail}`);
  }
  return asking.map((check) => check.id);
}
