import { expect, test } from 'vitest';
import { splitLines } from '#engine/world/lines.ts';

function linesOf(chunks: readonly (string | Buffer)[], maxLength = 100): readonly string[] {
  const lines: string[] = [];
  const splitter = splitLines(maxLength, (line) => lines.push(line));
  for (const chunk of chunks) splitter.write(Buffer.from(chunk));
  splitter.end();
  return lines;
}

test('one byte at a time gives the same as all at once', () => {
  const text = 'first\r\nGrüße 🐢\n\nlast without an end';
  const bytes = [...Buffer.from(text)].map((byte) => Buffer.from([byte]));
  expect(linesOf(bytes)).toEqual(['first', 'Grüße 🐢', '', 'last without an end']);
  expect(linesOf([text])).toEqual(linesOf(bytes));
});

test('nothing printed is no line', () => {
  expect(linesOf([])).toEqual([]);
  expect(linesOf(['\n'])).toEqual(['']);
});

test('a line at the limit is whole, one past it is cut, and the next is its own', () => {
  expect(linesOf(['abcd\n', 'abcde', 'fgh\nx'], 4)).toEqual(['abcd', 'abcd', 'x']);
});
