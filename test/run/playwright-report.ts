/** Reads Playwright's JSON report. Only the fields used here are checked. */
import * as v from 'valibot';
import { skipped, type Outcome } from './outcome.ts';

const result = v.object({
  projectName: v.string(),
  status: v.picklist(['expected', 'unexpected', 'flaky', 'skipped']),
  annotations: v.array(v.object({ type: v.string(), description: v.optional(v.string()) })),
});
const spec = v.object({ title: v.string(), tests: v.array(result) });

interface Suite {
  readonly title: string;
  readonly specs: readonly v.InferOutput<typeof spec>[];
  readonly suites?: readonly Suite[] | undefined;
}
const suite: v.GenericSchema<unknown, Suite> = v.object({
  title: v.string(),
  specs: v.array(spec),
  suites: v.optional(v.array(v.lazy(() => suite))),
});
const report = v.object({
  suites: v.array(suite),
  errors: v.array(v.object({ message: v.optional(v.string()) })),
});

/** Every test of every project as an outcome; errors outside tests are failures. */
export function playwrightOutcomes(json: unknown): readonly Outcome[] {
  const { suites, errors } = v.parse(report, json);
  return [
    ...suites.flatMap((each) => suiteOutcomes(each, [])),
    ...errors.map(({ message }): Outcome => ({
      status: 'failed',
      name: 'playwright',
      why: message ?? 'an error outside any test',
    })),
  ];
}

function suiteOutcomes(one: Suite, parents: readonly string[]): readonly Outcome[] {
  const path = [...parents, one.title].filter((title) => title !== '');
  const own = one.specs.flatMap(({ title, tests }) =>
    tests.map((each): Outcome => {
      const name = [each.projectName, ...path, title].join(' > ');
      if (each.status === 'skipped') {
        const reason = each.annotations.find(({ type }) => type === 'skip' || type === 'fixme');
        return skipped(name, reason?.description);
      }
      if (each.status === 'unexpected') return { status: 'failed', name, why: 'see above' };
      return { status: 'passed', name };
    }),
  );
  return [...own, ...(one.suites ?? []).flatMap((inner) => suiteOutcomes(inner, path))];
}
