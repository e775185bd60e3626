/** Hooks as real programs: their output, their end, and what they leave behind. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createHookRunner } from '#engine/schedule/hook-runner.ts';
import type { HookAbout } from '#engine/schedule/parts.ts';
import { groupKillAfterMs, maxLineLength } from '#engine/world/process-group.ts';
import { realProcesses } from '#engine/world/processes.ts';
import { realWorld } from '#engine/world/world.ts';
import { temporaryFolder } from '../fakes/world.ts';

const about = {
  when: 'after',
  run: 'run-1',
  plan: { id: 'plan-1', name: 'Nightly $(id) "x"' },
  machine: { uuid: 'u-1', name: 'web-01' },
  repository: { id: 'r-1', name: 'attic' },
  cause: 'schedule',
  outcome: 'problems',
  point: 'point-1',
} as HookAbout;

interface Wanted {
  readonly args?: readonly string[];
  readonly timeoutSeconds?: number;
  readonly signal?: AbortSignal;
}

function script(folder: string, lines: readonly string[], first = '#!/bin/sh'): string {
  const path = join(folder, 'hook');
  writeFileSync(path, [first, ...lines, ''].join('\n'));
  chmodSync(path, 0o700);
  return path;
}

function run(path: string, { args = [], timeoutSeconds = 30, signal }: Wanted = {}) {
  const hook = { argv: [path, ...args], timeoutSeconds, stopOnFailure: true };
  const runner = createHookRunner(realWorld());
  return runner.run(hook, about, signal ?? new AbortController().signal);
}

test('it gets its arguments and names as they are, and both its outputs are kept', async () => {
  vi.stubEnv('OF_OURS', 'not for hooks');
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const path = script(temporaryFolder(), [
    'echo "$#:$1"',
    'echo "$WAYMARK_PLAN|$WAYMARK_MACHINE|$WAYMARK_OUTCOME|$WAYMARK_POINT" >&2',
    'echo "secret: ${OF_OURS-none}"',
    'printf "no end"',
    'exit 3',
  ]);
  const result = await run(path, { args: ['$(id) "a b"'] });
  expect(result.ok).toBe(false);
  expect(result.words).toMatch(/^hook ended with 3 after \d+ s\.$/);
  expect([...result.output].sort()).toEqual(
    ['1:$(id) "a b"', 'Nightly $(id) "x"|web-01|problems|point-1', 'secret: none', 'no end'].sort(),
  );
});

test('a hanging one that minds nobody is gone with its children after its time', async () => {
  const folder = temporaryFolder();
  const path = script(folder, [
    "trap '' TERM",
    `sh -c "trap '' TERM; echo \\$\\$ > ${folder}/child; sleep 100" &`,
    'while :; do sleep 1; done',
  ]);
  const began = performance.now();
  const result = await run(path, { timeoutSeconds: 1 });
  expect(result.words).toContain('did not end within 1 s');
  expect(performance.now() - began).toBeGreaterThan(groupKillAfterMs);
  const child = Number(readFileSync(join(folder, 'child'), 'utf8'));
  await expect.poll(() => isRunning(child)).toBe(false);
});

test('one that puts things right at SIGTERM is given the time to', async () => {
  const path = script(temporaryFolder(), [
    "trap 'echo put right; exit 0' TERM",
    'while :; do sleep 0.1; done',
  ]);
  const result = await run(path, { timeoutSeconds: 1 });
  expect(result.ok).toBe(false);
  expect(result.output).toContain('put right');
});

test('cancelling the run stops it', async () => {
  const stop = new AbortController();
  const running = run(script(temporaryFolder(), ['exec sleep 100']), { signal: stop.signal });
  setTimeout(() => {
    stop.abort();
  }, 300);
  expect((await running).words).toBe('hook was stopped, because the run was cancelled.');
});

test('what it leaves running in the background does not hold the run', async () => {
  const began = performance.now();
  const result = await run(script(temporaryFolder(), ['sleep 20 &', 'echo done']));
  expect(result).toMatchObject({ ok: true, output: ['done'] });
  expect(performance.now() - began).toBeLessThan(10_000);
});

test('one that prints without end is bounded', async () => {
  const path = script(temporaryFolder(), ['head -c 3000000 /dev/zero', 'yes | head -n 50000']);
  const { output, ok } = await run(path);
  expect(ok).toBe(true);
  expect(output.length).toBeLessThan(250);
  expect(Math.max(...output.map((line) => line.length))).toBeLessThanOrEqual(maxLineLength);
  expect(output.some((line) => line.includes('lines not kept'))).toBe(true);
});

test('missing, not executable, or with an interpreter that is not there', async () => {
  const folder = temporaryFolder();
  expect((await run(join(folder, 'none'))).words).toContain('There is no program at');
  const path = script(folder, ['exit 0']);
  chmodSync(path, 0o600);
  expect((await run(path)).words).toContain('Make it executable');
  const lost = script(temporaryFolder(), ['exit 0'], '#!/no/such/shell');
  const result = await run(lost);
  expect(result.ok).toBe(false);
  expect(result.output.join('\n')).toContain('No such file or directory');
});

/** A killed child whose parent is gone waits as a zombie for whoever takes it over. */
function isRunning(pid: number): boolean {
  if (!realProcesses.alive(pid)) return false;
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
