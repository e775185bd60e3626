import { expect, test } from 'vitest';
import { collectOutput, keptFirstLines, keptLastLines } from '#engine/schedule/hook-output.ts';

function outputOf(lines: readonly string[]): readonly string[] {
  const output = collectOutput();
  for (const line of lines) output.add(line);
  return output.lines();
}

const numbered = (count: number) => Array.from({ length: count }, (_one, at) => `line ${at}`);

test('up to the limit everything is kept', () => {
  const lines = numbered(keptFirstLines + keptLastLines);
  expect(outputOf(lines)).toEqual(lines);
});

test('one past the limit: the beginning and the end stay, and the gap is told', () => {
  const lines = numbered(keptFirstLines + keptLastLines + 1);
  const kept = outputOf(lines);
  expect(kept).toHaveLength(keptFirstLines + 1 + keptLastLines);
  expect(kept[keptFirstLines]).toBe('(1 line not kept)');
  expect(kept.at(0)).toBe('line 0');
  expect(kept.at(-1)).toBe(lines.at(-1));
  expect(kept).not.toContain(`line ${keptFirstLines}`);
});

test('colours and other control characters do not reach a terminal', () => {
  expect(outputOf(['\u001b[1;31mred\u001b[0m', 'a\tb', 'bell\u0007 \u009b2Jx', 'Grüße'])).toEqual([
    'red',
    'a b',
    'bell 2Jx',
    'Grüße',
  ]);
});
