/**
 * `npm run torture`: a machine after a machine is put through random operations from a printed
 * seed until enough were done. Ends with a table and code 0; on a difference with the shortest way
 * to it that could be found, and code 1.
 */
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startPrivateLibvirtd, whyNoLibvirtd } from '../real/private-libvirtd.ts';
import type { PrivateLibvirtd } from '../real/private-libvirtd.ts';
import { line, type Operation } from './operation.ts';
import { table } from './report.ts';
import { runSequence, type Happened, type SequenceResult } from './sequence.ts';
import { shrink } from './shrink.ts';

const usage = `npm run torture -- [--seed N] [--operations N] [--minutes N] [--each N]
  [--shrink-minutes N] [--go-on] [--replay FILE] [--quiet]
  --each            operations on one machine before the next one is made (40)
  --shrink-minutes  how long a shorter reproduction is looked for (10)
  --go-on           after a difference goes on with the next machine
  --replay          does the operations of a file, one JSON a line, with the machine of --seed`;

interface Options {
  readonly seed: number;
  readonly operations: number;
  readonly minutes: number;
  readonly each: number;
  readonly shrinkMinutes: number;
  readonly goOn: boolean;
  readonly replay: readonly Operation[] | null;
  readonly quiet: boolean;
}

const maxSeed = 2 ** 31;
const say = (text: string) => process.stdout.write(`${text}\n`);

function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string' },
      operations: { type: 'string' },
      minutes: { type: 'string' },
      each: { type: 'string' },
      'shrink-minutes': { type: 'string' },
      'go-on': { type: 'boolean', default: false },
      replay: { type: 'string' },
      quiet: { type: 'boolean', default: false },
    },
  });
  const number = (text: string | undefined, otherwise: number) => {
    if (text === undefined) return otherwise;
    const value = Number(text);
    if (!Number.isFinite(value) || value < 0) throw new Error(`“${text}” is no number`);
    return value;
  };
  return {
    seed: number(values.seed, randomInt(maxSeed)),
    operations: number(values.operations, values.minutes === undefined ? 1000 : Infinity),
    minutes: number(values.minutes, Infinity),
    each: number(values.each, 40),
    shrinkMinutes: number(values['shrink-minutes'], 10),
    goOn: values['go-on'],
    replay: values.replay === undefined ? null : operationsIn(values.replay),
    quiet: values.quiet,
  };
}

function operationsIn(path: string): readonly Operation[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.filter((text) => text.trim() !== '').map((text) => JSON.parse(text) as Operation);
}

async function main(): Promise<number> {
  const reason = whyNoLibvirtd();
  if (reason !== null) throw new Error(`The torture cannot run here: ${reason}.`);
  const options = readOptions(process.argv.slice(2));
  say(`seed ${options.seed}`);
  const libvirtd = await startPrivateLibvirtd();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      say(`ended by ${signal}`);
      void libvirtd.stop().finally(() => process.exit(130));
    });
  }
  try {
    return await machines(libvirtd, options);
  } finally {
    await libvirtd.stop();
  }
}

/** The first machine has the seed itself, the next ones the numbers after it. */
async function machines(libvirtd: PrivateLibvirtd, options: Options): Promise<number> {
  const { seed, minutes, each, replay, quiet } = options;
  const until = performance.now() + minutes * 60_000;
  const happened: Happened[] = [];
  let differences = 0;
  for (let machine = 0; performance.now() < until; machine += 1) {
    const left = options.operations - counted(happened);
    if (left <= 0) break;
    const own = seed + machine;
    const operations = replay ?? Math.min(each, left);
    say(`machine ${machine + 1}, seed ${own}, ${counted(happened)} operations done`);
    const sequence = { seed: own, operations, until, ...(quiet ? {} : { say }) };
    const result = await runSequence(libvirtd, sequence);
    happened.push(...result.happened);
    if (result.failure !== null) {
      differences += 1;
      await reproduce(libvirtd, own, result.failure, options.shrinkMinutes);
      if (!options.goOn) break;
    }
    if (replay !== null) break;
  }
  say(table(happened));
  const found = differences === 0 ? 'without a difference' : `and ${differences} differences`;
  say(`${counted(happened)} operations ${found}, seed ${seed}`);
  return differences === 0 ? 0 : 1;
}

/** What was skipped did not happen. */
function counted(happened: readonly Happened[]): number {
  return happened.filter(({ outcome }) => outcome !== 'skipped').length;
}

async function reproduce(
  libvirtd: PrivateLibvirtd,
  seed: number,
  first: NonNullable<SequenceResult['failure']>,
  shrinkMinutes: number,
): Promise<void> {
  say(`\nDIFFERENCE after ${first.operations.length} operations, seed ${seed}:\n${first.why}`);
  if (shrinkMinutes > 0) say('looking for a shorter way to it …');
  const until = performance.now() + shrinkMinutes * 60_000;
  const again = async (operations: readonly Operation[]) =>
    (await runSequence(libvirtd, { seed, operations })).failure;
  const { operations, failure, tries } = await shrink(first, again, () => {
    return performance.now() < until;
  });
  if (tries > 0) say(`\nThe shortest of ${tries} tries:\n${failure.why}`);
  say(`\n--seed ${seed} --replay FILE with these ${operations.length} lines in it:`);
  for (const operation of operations) say(line(operation));
}

try {
  process.exitCode = await main();
} catch (thrown) {
  console.error(thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown));
  console.error(usage);
  process.exitCode = 2;
}
