/**
 * Type-checks every room by its own tsconfig, so that the contract sees no Node and the engine no
 * DOM. TypeScript 7 is called by path because `tsc` on the PATH is the slower 6 that svelte-check
 * and typescript-eslint need.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { runCommand } from './run/command.ts';
import { summaryLine, tally, type Outcome } from './run/outcome.ts';

const root = join(import.meta.dirname, '..');
const solution = v.object({ references: v.array(v.object({ path: v.string() })) });

export async function checkTypes(): Promise<readonly Outcome[]> {
  const json: unknown = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8'));
  const rooms = v.parse(solution, json).references.map(({ path }) => path);
  const outcomes: Outcome[] = [];
  for (const room of rooms) {
    const compiler = join(root, 'node_modules/typescript-7/bin/tsc');
    const args = [compiler, '-p', join(root, room)];
    outcomes.push(await check(`types ${room}`, process.execPath, args));
  }
  outcomes.push(
    await check('types of components in src-renderer', process.execPath, [
      join(root, 'node_modules/svelte-check/bin/svelte-check'),
      ...['--workspace', join(root, 'src-renderer'), '--tsconfig', './tsconfig.json'],
      ...['--output', 'human', '--fail-on-warnings'],
    ]),
  );
  return outcomes;
}

async function check(name: string, program: string, args: readonly string[]): Promise<Outcome> {
  const code = await runCommand(program, args);
  console.log(`${name}: ${code === 0 ? 'ok' : 'FAILED'}`);
  if (code === 0) return { status: 'passed', name };
  return { status: 'failed', name, why: `ended with code ${String(code)}` };
}

if (import.meta.main) {
  const result = tally(await checkTypes());
  console.log(summaryLine(result));
  process.exitCode = result.failed === 0 ? 0 : 1;
}
