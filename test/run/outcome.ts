/** What a runner's report comes down to, and how the reports of all runners are added up. */

export type Outcome =
  | { readonly status: 'passed'; readonly name: string }
  | { readonly status: 'failed'; readonly name: string; readonly why: string }
  | { readonly status: 'skipped'; readonly name: string; readonly why: string };

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export function tally(outcomes: readonly Outcome[]): Tally {
  const count = (status: Outcome['status']) =>
    outcomes.filter((outcome) => outcome.status === status).length;
  return { passed: count('passed'), failed: count('failed'), skipped: count('skipped') };
}

/** The last line of `npm test`; other tools read it. */
export function summaryLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** A skip must say why; one that does not is a failure, so that none goes unnoticed. */
export function skipped(name: string, why: string | undefined): Outcome {
  if (why !== undefined && why.trim() !== '') return { status: 'skipped', name, why };
  return { status: 'failed', name, why: 'skipped without a reason' };
}

/**
 * The outcomes of one runner: those it reported, and one failure more when it ended badly in a way
 * its own report does not show (a crash, a kill, no report at all, nothing run).
 */
export function settle(
  runner: string,
  reported: readonly Outcome[] | null,
  exitCode: number | null,
): readonly Outcome[] {
  const failure = (why: string): Outcome => ({ status: 'failed', name: runner, why });
  const ending = exitCode === null ? 'was killed' : `ended with code ${exitCode}`;
  if (reported === null) return [failure(`left no readable report and ${ending}`)];
  if (reported.length === 0) return [failure(`ran no test and ${ending}`)];
  const showsFailure = reported.some((outcome) => outcome.status === 'failed');
  if (exitCode !== 0 && !showsFailure) return [...reported, failure(`${ending} unexpectedly`)];
  return reported;
}
