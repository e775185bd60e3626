/**
 * A vitest reporter that writes every test's outcome to the file named by WAYMARK_OUTCOMES. The
 * built-in JSON report leaves out why a test was skipped.
 */
import { writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';
import { skipped, type Outcome } from './outcome.ts';

export default class OutcomeReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const file = process.env['WAYMARK_OUTCOMES'];
    if (file === undefined) return;
    const outcomes: Outcome[] = [
      ...modules.flatMap(moduleOutcomes),
      ...unhandledErrors.map((error): Outcome => ({
        status: 'failed',
        name: 'an error outside any test',
        why: firstLine(error.message),
      })),
    ];
    writeFileSync(file, JSON.stringify(outcomes));
  }
}

function moduleOutcomes(module: TestModule): readonly Outcome[] {
  const tests = [...module.children.allTests()].map(testOutcome);
  const suiteErrors = [...module.children.allSuites()].flatMap((suite) => suite.errors());
  const broken = [...module.errors(), ...suiteErrors].map((error): Outcome => ({
    status: 'failed',
    name: module.relativeModuleId,
    why: firstLine(error.message),
  }));
  return [...tests, ...broken];
}

function testOutcome(test: TestCase): Outcome {
  const name = `${test.module.relativeModuleId} > ${test.fullName}`;
  const result = test.result();
  switch (result.state) {
    case 'passed':
      return { status: 'passed', name };
    case 'failed':
      return { status: 'failed', name, why: firstLine(result.errors[0]?.message ?? 'failed') };
    case 'skipped':
      return skipped(name, result.note);
    case 'pending':
      return { status: 'failed', name, why: 'never finished' };
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}
