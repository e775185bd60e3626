/**
 * `npm test`: every check of the project, cheap ones first, one runner at a time. Each runner's
 * own output streams through; at the end every failure and every skip is named again, and the last
 * line is the sum over all runners. A runner that crashes counts as a failed test.
 * `npm test -- types lint` runs only the steps named.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import * as v from 'valibot';
import vitestConfig from '../vitest.config.ts';
import { runCommand } from './run/command.ts';
import { settle, summaryLine, tally, type Outcome } from './run/outcome.ts';
import { playwrightOutcomes } from './run/playwright-report.ts';
import { checkTypes } from './types.ts';

const root = join(import.meta.dirname, '..');
const bin = (name: string) => join(root, 'node_modules/.bin', name);
process.chdir(root);
// Tools that start `node` themselves must get the Node of this project, not the system's.
process.env['PATH'] = `${join(root, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`;

// Not in the temporary folder: tests clean up there.
mkdirSync('.cache', { recursive: true });
const reports = mkdtempSync(join(root, '.cache/reports-'));

const reportedOutcomes = v.array(
  v.variant('status', [
    v.object({ status: v.literal('passed'), name: v.string() }),
    v.object({ status: v.literal('failed'), name: v.string(), why: v.string() }),
    v.object({ status: v.literal('skipped'), name: v.string(), why: v.string() }),
  ]),
);

function readReport(
  file: string,
  decode: (json: unknown) => readonly Outcome[],
): readonly Outcome[] | null {
  if (!existsSync(file)) return null;
  try {
    return decode(JSON.parse(readFileSync(file, 'utf8')));
  } catch (thrown) {
    console.error(`The report ${file} cannot be read: ${String(thrown)}`);
    return null;
  }
}

/** A tool whose exit code is its whole answer counts as one test. */
async function tool(name: string, args: readonly string[]): Promise<readonly Outcome[]> {
  const code = await runCommand(bin(args[0] ?? ''), args.slice(1));
  if (code === 0) return [{ status: 'passed', name }];
  return [{ status: 'failed', name, why: `ended with code ${String(code)}` }];
}

async function vitest(project: string): Promise<readonly Outcome[]> {
  const file = join(reports, `vitest-${project}.json`);
  const reporters = ['--reporter=default', '--reporter=./test/run/vitest-reporter.ts'];
  const code = await runCommand(bin('vitest'), ['run', '--project', project, ...reporters], {
    WAYMARK_OUTCOMES: file,
  });
  return settle(
    `vitest ${project}`,
    readReport(file, (json) => v.parse(reportedOutcomes, json)),
    code,
  );
}

async function playwright(project: string): Promise<readonly Outcome[]> {
  const file = join(reports, `playwright-${project}.json`);
  const code = await runCommand(
    bin('playwright'),
    ['test', '--project', project, '--reporter=list,json'],
    { PLAYWRIGHT_JSON_OUTPUT_FILE: file },
  );
  return settle(`playwright ${project}`, readReport(file, playwrightOutcomes), code);
}

const projectNames = v.object({
  test: v.object({
    projects: v.array(v.object({ test: v.object({ name: v.string() }) })),
  }),
});

const realProjects = ['real', 'alone'];

/** Every vitest project but those on real machines, which come last. */
const quickProjects = v
  .parse(projectNames, vitestConfig)
  .test.projects.map(({ test }) => test.name)
  .filter((name) => !realProjects.includes(name));

const steps: readonly (readonly [string, () => Promise<readonly Outcome[]>])[] = [
  ['types', checkTypes],
  ['lint', () => tool('lint', ['eslint', '.', '--max-warnings', '0'])],
  ['format', () => tool('format', ['prettier', '--check', '--log-level', 'warn', '.'])],
  ...quickProjects.map((name) => [`vitest ${name}`, () => vitest(name)] as const),
  ['build', () => tool('build', ['vite', 'build', '--app'])],
  ...realProjects.map((name) => [`vitest ${name}`, () => vitest(name)] as const),
  ['playwright browser', () => playwright('browser')],
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !steps.some(([step]) => step === name));
if (unknown.length > 0) {
  const names = steps.map(([step]) => step).join(', ');
  console.error(`There is no step ${unknown.join(', ')}. The steps are: ${names}`);
  process.exit(2);
}

async function runSteps(): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const [name, step] of steps) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    console.log(`\n== ${name}`);
    const start = performance.now();
    const some = await step().catch((thrown: unknown): readonly Outcome[] => [
      { status: 'failed', name, why: String(thrown) },
    ]);
    outcomes.push(...some);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`== ${name}: ${summaryLine(tally(some))} in ${seconds} s`);
  }
  return outcomes;
}

const outcomes = await runSteps();
rmSync(reports, { recursive: true, force: true });
console.log('');
for (const outcome of outcomes) {
  if (outcome.status === 'skipped') console.log(`SKIPPED ${outcome.name}: ${outcome.why}`);
}
for (const outcome of outcomes) {
  if (outcome.status === 'failed') console.log(`FAILED ${outcome.name}: ${outcome.why}`);
}
const total = tally(outcomes);
process.exitCode = total.failed === 0 ? 0 : 1;
console.log(summaryLine(total));
