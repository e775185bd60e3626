/** What a hook is told and what is said of it; real programs run in test/real/hooks.test.ts. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { PlanRunId, Hook } from '#contract/plans.ts';
import { createHookRunner, hookEnvironment } from '#engine/schedule/hook-runner.ts';
import type { HookAbout } from '#engine/schedule/parts.ts';
import type { GroupEnd, GroupOptions } from '#engine/world/process-group.ts';
import { realProcesses } from '#engine/world/processes.ts';
import { fakeWorld, temporaryFolder } from '../../../fakes/world.ts';

const about = {
  when: 'before',
  run: 'run-1' as PlanRunId,
  plan: { id: 'plan-1', name: 'Nightly' },
  machine: { uuid: 'u-1', name: 'web-01' },
  repository: { id: 'r-1', name: 'attic' },
  cause: 'schedule',
  outcome: null,
  point: null,
} as HookAbout;

const hook = (argv: readonly string[], timeoutSeconds = 60): Hook => ({
  argv: [...argv],
  timeoutSeconds,
  stopOnFailure: true,
});

/** A world in which every program takes `seconds` and ends like this. */
function ending(end: GroupEnd, seconds = 2) {
  const asked: { program: string; args: readonly string[]; options: GroupOptions }[] = [];
  const world = fakeWorld({
    processes: {
      ...realProcesses,
      runGroup: async (program, args, options) => {
        asked.push({ program, args, options });
        options.onLine('printed');
        await world.clock.advance(seconds * 1000);
        return end;
      },
    },
  });
  return { asked, runner: createHookRunner(world) };
}

const never = new AbortController().signal;

test.each([
  [{ kind: 'exited', code: 0 }, true, 'stop-db ended well after 2 s.'],
  [{ kind: 'exited', code: 3 }, false, 'stop-db ended with 3 after 2 s.'],
  [{ kind: 'killed', signal: 'SIGSEGV' }, false, 'stop-db was ended by SIGSEGV after 2 s.'],
  [
    { kind: 'timed-out' },
    false,
    'stop-db did not end within 60 s. It was stopped, with all it had started.',
  ],
  [{ kind: 'cancelled' }, false, 'stop-db was stopped, because the run was cancelled.'],
] as const)('%j', async (end, ok, words) => {
  const { asked, runner } = ending(end);
  const result = await runner.run(hook(['/opt/stop-db', '--all']), about, never);
  expect(result).toEqual({ ok, words, output: ['printed'] });
  expect(asked).toMatchObject([
    { program: '/opt/stop-db', args: ['--all'], options: { timeoutMs: 60_000 } },
  ]);
});

describe('what it is told', () => {
  test('before: the names, the cause, and no outcome', () => {
    expect(hookEnvironment(about)).toEqual({
      WAYMARK_PHASE: 'before',
      WAYMARK_RUN: 'run-1',
      WAYMARK_CAUSE: 'schedule',
      WAYMARK_PLAN: 'Nightly',
      WAYMARK_MACHINE: 'web-01',
      WAYMARK_MACHINE_UUID: 'u-1',
      WAYMARK_REPOSITORY: 'attic',
    });
  });

  test('after: how it ended and the point', () => {
    const after = { ...about, when: 'after', outcome: 'done', point: 'p-1' } as HookAbout;
    expect(hookEnvironment(after)).toMatchObject({
      WAYMARK_PHASE: 'after',
      WAYMARK_OUTCOME: 'done',
      WAYMARK_POINT: 'p-1',
    });
  });

  test('a NUL in a name keeps no hook from running', () => {
    const odd = { ...about, plan: { id: 'plan-1', name: 'a\0b' } } as HookAbout;
    expect(hookEnvironment(odd)['WAYMARK_PLAN']).toBe('ab');
  });
});

describe('what is said before it is ever run', () => {
  const runner = createHookRunner(fakeWorld());
  const folder = () => temporaryFolder();

  test('a program that can be run', async () => {
    const path = join(folder(), 'good');
    writeFileSync(path, '#!/bin/sh\n');
    chmodSync(path, 0o700);
    expect(await runner.check(hook([path]))).toBeNull();
    expect(await runner.check(hook(['true']))).toBeNull();
  });

  test('one that is not executable, with the command that helps', async () => {
    const path = join(folder(), 'plain');
    writeFileSync(path, '#!/bin/sh\n', { mode: 0o600 });
    expect(await runner.check(hook([path]))).toBe(
      `This user may not run ${path}. Make it executable: chmod +x ${path}`,
    );
  });

  test('a folder, nothing at all, a name nobody knows, half a path, nothing typed', async () => {
    const path = join(folder(), 'inside');
    mkdirSync(path);
    expect(await runner.check(hook([path]))).toContain('is a folder');
    expect(await runner.check(hook([`${path}/none`]))).toContain('There is no program at');
    expect(await runner.check(hook(['no-such-program']))).toContain('No program called');
    expect(await runner.check(hook(['bin/x']))).toContain('is no full path');
    expect(await runner.check(hook([' ']))).toContain('No program is named');
    expect(await runner.check(hook(['true', 'a\0b']))).toContain('NUL');
  });
});
