/**
 * Runs the programs a person asked for before and after a backup: an argument list, never a shell,
 * ended with all it started when its time is up. What it prints goes into the run's log; how it
 * ended decides nothing here.
 */
import { basename } from 'node:path';
import { AppError } from '#contract/errors.ts';
import type { Hook } from '#contract/plans.ts';
import type { GroupEnd } from '#engine/world/process-group.ts';
import type { World } from '#engine/world/world.ts';
import { collectOutput } from './hook-output.ts';
import type { HookAbout, HookRunner } from './parts.ts';

export function createHookRunner(world: World): HookRunner {
  return {
    run: async (hook, about, signal) => {
      const [program = '', ...args] = hook.argv;
      const output = collectOutput();
      const began = world.clock.monotonic();
      try {
        const end = await world.processes.runGroup(program, args, {
          env: hookEnvironment(about),
          timeoutMs: hook.timeoutSeconds * 1000,
          signal,
          onLine: output.add,
        });
        const seconds = Math.round((world.clock.monotonic() - began) / 1000);
        return {
          ok: end.kind === 'exited' && end.code === 0,
          words: endWords(hook, end, seconds),
          output: output.lines(),
        };
      } catch (thrown) {
        const words = (await checkHook(world, hook)) ?? startWords(world, program, thrown);
        return { ok: false, words, output: output.lines() };
      }
    },
    check: (hook) => checkHook(world, hook),
  };
}

/** What the program is told; the same names as in the README. Names come first, ids beside them. */
export function hookEnvironment(about: HookAbout): Readonly<Record<string, string>> {
  const told = {
    WAYMARK_PHASE: about.when,
    WAYMARK_RUN: about.run,
    WAYMARK_CAUSE: about.cause,
    WAYMARK_PLAN: about.plan.name,
    WAYMARK_MACHINE: about.machine.name,
    WAYMARK_MACHINE_UUID: about.machine.uuid,
    WAYMARK_REPOSITORY: about.repository.name,
    ...(about.outcome === null ? {} : { WAYMARK_OUTCOME: about.outcome }),
    ...(about.point === null ? {} : { WAYMARK_POINT: about.point }),
  };
  // Node refuses NUL in a value: no name may keep a hook from running.
  const entries = Object.entries(told).map(([name, value]) => [name, value.replaceAll('\0', '')]);
  return Object.fromEntries(entries) as Readonly<Record<string, string>>;
}

async function checkHook({ processes, files }: World, hook: Hook): Promise<string | null> {
  const [program = ''] = hook.argv;
  if (hook.argv.some((word) => word.includes('\0'))) {
    return 'A program and its arguments hold no NUL character. Type them again.';
  }
  if (program.trim() === '') return 'No program is named. Give its full path.';
  if (program.includes('/') && !program.startsWith('/')) {
    return `${program} is no full path. Give the path from / on.`;
  }
  if ((await processes.find(program)) !== null) return null;
  if (!program.startsWith('/')) {
    return `No program called ${program} is installed. Install it, or give its full path.`;
  }
  const found = await files.stat(program).catch(() => null);
  if (found === null) return `There is no program at ${program}. Put it there or choose another.`;
  if (found.kind === 'folder') return `${program} is a folder. Name the program inside it.`;
  return `This user may not run ${program}. Make it executable: chmod +x ${program}`;
}

function endWords(hook: Hook, end: GroupEnd, seconds: number): string {
  const name = basename(hook.argv[0] ?? '');
  switch (end.kind) {
    case 'exited':
      return end.code === 0
        ? `${name} ended well after ${seconds} s.`
        : `${name} ended with ${end.code} after ${seconds} s.`;
    case 'killed':
      return `${name} was ended by ${end.signal} after ${seconds} s.`;
    case 'timed-out':
      return (
        `${name} did not end within ${hook.timeoutSeconds} s. ` +
        'It was stopped, with all it had started.'
      );
    case 'cancelled':
      return `${name} was stopped, because the run was cancelled.`;
  }
}

function startWords(world: World, program: string, thrown: unknown): string {
  if (thrown instanceof AppError) return thrown.message;
  return `${program} could not be started. The log has it as ${world.log.error('Hook', thrown)}.`;
}
