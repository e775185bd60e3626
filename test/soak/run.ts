/**
 * `npm run soak`: a plan for every minute on the practice machine, run by a real engine for an hour
 * or for `--minutes N`. Each minute must have its row, each row its restore point, and in the end
 * every point is read and checked. Ends with its figures and code 0, or says what is wrong and
 * ends with code 1.
 */
import { parseArgs } from 'node:util';
import type { MachineId, RepositoryId } from '#contract/domain.ts';
import type { PlanId, PlanRun } from '#contract/plans.ts';
import { startTestEngine, type TestEngine } from '../real/test-engine.ts';
import { planDraft } from '../fakes/plans.ts';

const minuteMs = 60_000;
const defaultMinutes = 60;
/** A run that has not ended so long after the last minute never will. */
const endedWithinMs = 2 * minuteMs;
const say = (text: string) => process.stdout.write(`${text}\n`);

function readMinutes(args: readonly string[]): number {
  const { values } = parseArgs({ args: [...args], options: { minutes: { type: 'string' } } });
  const minutes = values.minutes === undefined ? defaultMinutes : Number(values.minutes);
  if (Number.isInteger(minutes) && minutes > 0) return minutes;
  throw new Error(`“${values.minutes ?? ''}” is no number of minutes`);
}

interface Subject {
  readonly it: TestEngine;
  readonly machine: MachineId;
  readonly repository: RepositoryId;
}

async function prepare(it: TestEngine): Promise<Subject> {
  const { handlers } = it.engine;
  await it.finished(await handlers['practice.create']({ repository: true }));
  const [machine] = await handlers['machines.list']({ host: null });
  const [repository] = await handlers['repositories.list']({});
  if (machine === undefined || repository === undefined) throw new Error('no practice machine');
  return { it, machine: machine.id, repository: repository.id };
}

async function allRuns({ it }: Subject, plan: PlanId): Promise<readonly PlanRun[]> {
  const found: PlanRun[] = [];
  for (let before: number | null = null; ;) {
    const some: readonly PlanRun[] = await it.engine.handlers['plans.runs']({
      ...{ plan, machineUuid: null, before, limit: 500 },
    });
    const last = some.at(-1);
    if (last === undefined) return found;
    found.push(...some);
    before = last.due;
  }
}

function isOpen({ state }: PlanRun): boolean {
  return state.kind === 'waiting' || state.kind === 'running';
}

/** Lets the plan run until `minutes` of its times have come and all their runs have ended. */
async function letRun(subject: Subject, plan: PlanId, first: number, minutes: number) {
  const last = first + (minutes - 1) * minuteMs;
  for (;;) {
    const runs = await allRuns(subject, plan);
    const now = Date.now();
    const inTime = runs.filter(({ due }) => due <= last);
    if (now > last && inTime.some(({ due }) => due === last) && !inTime.some(isOpen)) return inTime;
    if (now > last + endedWithinMs) return inTime;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

async function verifyAll({ it }: Subject, runs: readonly PlanRun[]): Promise<number> {
  let verified = 0;
  for (const { point } of runs) {
    if (point === null) continue;
    const job = await it.finished(await it.engine.handlers['points.verify']({ point }));
    if (job.result?.kind === 'verify' && job.result.report.damage.length === 0) verified += 1;
  }
  return verified;
}

function wrong(runs: readonly PlanRun[], first: number, minutes: number): readonly string[] {
  const problems: string[] = [];
  for (let due = first; due < first + minutes * minuteMs; due += minuteMs) {
    const rows = runs.filter((run) => run.due === due);
    const time = new Date(due).toISOString();
    if (rows.length !== 1) problems.push(`${time} has ${rows.length} rows`);
    for (const { state } of rows) {
      if (state.kind !== 'done') problems.push(`${time}: ${JSON.stringify(state)}`);
    }
  }
  return problems;
}

async function soak(it: TestEngine, minutes: number): Promise<boolean> {
  const subject = await prepare(it);
  const { handlers } = it.engine;
  const { id, nextDue } = await handlers['plans.create']({
    draft: planDraft(subject.machine, subject.repository, {
      ...{ name: 'Every minute', calendar: { kind: 'cron', expression: '* * * * *' } },
    }),
  });
  if (nextDue === null) throw new Error('the plan has no next time');
  say(`a plan for every minute, ${minutes} of them, from ${new Date(nextDue).toISOString()} on`);
  const memoryBefore = process.memoryUsage().rss;
  const runs = await letRun(subject, id, nextDue, minutes);
  const memoryAfter = process.memoryUsage().rss;
  await handlers['plans.remove']({ plan: id });
  const verified = await verifyAll(subject, runs);
  const problems = [...wrong(runs, nextDue, minutes)];
  if (verified !== minutes) problems.push(`${verified} of ${minutes} restore points are whole`);
  const late = runs.map(({ due, startedAt }) => (startedAt ?? Infinity) - due);
  const took = runs.map(({ startedAt, state }) =>
    'at' in state && startedAt !== null ? state.at - startedAt : Infinity,
  );
  say(
    JSON.stringify({
      minutes,
      rows: runs.length,
      done: runs.filter(({ state }) => state.kind === 'done').length,
      verified,
      latestBeginMs: Math.max(...late),
      longestRunMs: Math.max(...took),
      memoryGrewMib: Math.round((memoryAfter - memoryBefore) / 1024 / 1024),
    }),
  );
  for (const problem of problems) say(`wrong: ${problem}`);
  return problems.length === 0;
}

const minutes = readMinutes(process.argv.slice(2));
const it = await startTestEngine({ runsPlans: true });
try {
  process.exitCode = (await soak(it, minutes)) ? 0 : 1;
} finally {
  await it.engine.handlers['practice.remove']({}).catch((thrown: unknown) => {
    say(`the practice machine was not removed: ${String(thrown)}`);
  });
  await it.stop();
}
