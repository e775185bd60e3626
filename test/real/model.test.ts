/**
 * Random operations on a real machine, short: one sequence that is always the same and one that
 * never is. `npm run torture` does the same for as long as one likes.
 */
import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { line, type Operation } from '../torture/operation.ts';
import { table } from '../torture/report.ts';
import { runSequence, type SequenceResult } from '../torture/sequence.ts';
import { startPrivateLibvirtd, whyNoLibvirtd, type PrivateLibvirtd } from './private-libvirtd.ts';

const reason = whyNoLibvirtd();
if (reason !== null) console.log(`skipped: model: ${reason}`);

const operations = 30;
/** A slow computer does fewer of them. */
const limitMs = 35_000;
const timeout = 240_000;

describe.skipIf(reason !== null)('random operations', () => {
  let libvirtd: PrivateLibvirtd;

  beforeAll(async () => {
    libvirtd = await startPrivateLibvirtd();
  });
  afterAll(async () => {
    await libvirtd.stop();
  });

  /** Also after a failure one can go on from what is printed. */
  function show(seed: number, { failure, happened }: SequenceResult): void {
    console.log(`seed ${seed}\n${table(happened)}`);
    if (failure === null) return;
    const again = `npm run torture -- --seed ${seed} --replay FILE, with these lines in it:`;
    console.log([failure.why, again, ...failure.operations.map(line)].join('\n'));
  }

  async function withoutDifference(seed: number): Promise<void> {
    const until = performance.now() + limitMs;
    const result = await runSequence(libvirtd, { seed, operations, until });
    show(seed, result);
    expect(result.failure).toBe(null);
    expect(result.happened.length).toBeGreaterThan(5);
  }

  test('from the same seed as always', { timeout }, () => withoutDifference(20_261_125));

  test('from a seed of today', { timeout }, () => withoutDifference(randomInt(2 ** 31)));

  const found: readonly (readonly [string, readonly Operation[], RegExp])[] = [
    [
      'a disk that was changed',
      [
        { n: 1, do: 'write', writes: [{ disk: 'vda', first: 0, count: 8, zero: false }] },
        { n: 2, do: 'tamper', what: 'disk' },
      ],
      /vda sector 0: write 101 expected, write 4294967295 found/,
    ],
    [
      'the image of a snapshot that was changed',
      [
        { n: 1, do: 'write', writes: [{ disk: 'vda', first: 0, count: 8, zero: false }] },
        { n: 2, do: 'other-snapshot', external: true, memory: false },
        // Over it, so that the disk itself does not show what is below.
        { n: 3, do: 'write', writes: [{ disk: 'vda', first: 0, count: 8, zero: false }] },
        { n: 4, do: 'tamper', what: 'snapshot' },
      ],
      /snapshot s2 .* differs:\s+vda sector 0: write 101 expected, other bytes found/,
    ],
  ];

  test.each(found)('finds %s behind its back', { timeout }, async (_what, some, why) => {
    const { failure } = await runSequence(libvirtd, { seed: 1, operations: some });
    expect(failure?.why).toMatch(why);
    expect(failure?.operations).toEqual(some);
  });
});
