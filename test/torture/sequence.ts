/** One machine from its making to its end: operations one after the other, then all is compared. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readFileSync } from 'node:fs';
import type { PrivateLibvirtd } from '../real/private-libvirtd.ts';
import { applies, choose } from './choose.ts';
import { Mismatch, pointReader } from './compare.ts';
import { newModel, type DiskSpec, type Model } from './model.ts';
import { line, type Operation } from './operation.ts';
import { checkAll, perform, type Outcome, type Stand } from './perform.ts';
import { diceOf } from './random.ts';
import { makeWorld, type TortureWorld, type WorldSpec } from './world.ts';

/** What happened, for the table. */
export interface Happened {
  readonly operation: Operation;
  readonly outcome: Outcome;
  readonly note: string;
  readonly seconds: number;
}

export interface SequenceResult {
  readonly happened: readonly Happened[];
  /** What differed, and after which operations; null when nothing did. */
  readonly failure: { readonly why: string; readonly operations: readonly Operation[] } | null;
}

export interface Sequence {
  readonly seed: number;
  /** What to do, in order, where it applies; or how many to choose. */
  readonly operations: readonly Operation[] | number;
  /** Stops choosing at this moment of performance.now(). */
  readonly until?: number;
  readonly say?: (line: string) => void;
}

/** Dice are numbered: 0 makes the machine, n chooses operation n. */
export async function runSequence(
  libvirtd: PrivateLibvirtd,
  sequence: Sequence,
): Promise<SequenceResult> {
  const spec = specOf(sequence.seed);
  const world = await makeWorld(libvirtd, spec);
  const reader = pointReader(world);
  try {
    return await runIn({ world, reader, sleep }, newModel(spec.disks), sequence);
  } finally {
    await reader.close();
    await world.end();
  }
}

const mib = 1024 * 1024;

/** One disk that can do everything, and a second one that may be raw or end inside a block. */
function specOf(seed: number): WorldSpec & { readonly disks: readonly DiskSpec[] } {
  const dice = diceOf(seed, 0);
  const format = dice.chance(0.15) ? 'raw' : 'qcow2';
  const sizeBytes = 8 * mib + dice.pick([0, 512, 3 * 4096, 64 * 1024]);
  return {
    disks: [
      { target: 'vda', format: 'qcow2', sizeBytes: dice.pick([16, 32]) * mib },
      { target: 'vdb', format, sizeBytes },
    ],
    blockSizeBytes: dice.pick([4, 16, 64, 256]) * 1024,
  };
}

async function runIn(stand: Stand, start: Model, sequence: Sequence): Promise<SequenceResult> {
  const { seed, operations, until = Infinity, say } = sequence;
  const happened: Happened[] = [];
  const done = () => happened.map(({ operation }) => operation);
  const count = typeof operations === 'number' ? operations : operations.length;
  let model = start;
  for (let n = 1; n <= count && performance.now() < until; n += 1) {
    const operation =
      typeof operations === 'number' ? choose(model, diceOf(seed, n), n) : operations[n - 1];
    if (operation === undefined || !applies(model, operation)) continue;
    const since = performance.now();
    try {
      const { model: after, outcome, note } = await perform(stand, model, operation);
      model = after;
      const seconds = (performance.now() - since) / 1000;
      happened.push({ operation, outcome, note, seconds });
      say?.(`${seconds.toFixed(1)} s ${outcome} ${note} ${line(operation)}`);
    } catch (thrown) {
      say?.(`DIFFERS ${line(operation)}`);
      const all = [...done(), operation];
      return { happened, failure: { why: tell(thrown, stand.world), operations: all } };
    }
  }
  try {
    await checkAll(stand, model);
    return { happened, failure: null };
  } catch (thrown) {
    return { happened, failure: { why: tell(thrown, stand.world), operations: done() } };
  }
}

const logLinesShown = 8;

/** A difference in its words; anything else with its stack; and what the engine said last. */
function tell(thrown: unknown, world: TortureWorld): string {
  const why =
    thrown instanceof Mismatch
      ? thrown.message
      : thrown instanceof Error
        ? (thrown.stack ?? thrown.message)
        : String(thrown);
  const logs = world.logs.map(({ of, path }) => `The log of ${of} ends with:\n${lastLines(path)}`);
  return [why, ...logs].join('\n');
}

function lastLines(path: string): string {
  try {
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    return lines.slice(-logLinesShown).join('\n');
  } catch {
    return '(nothing)';
  }
}
