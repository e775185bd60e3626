/** How a recovery code is laid out on the sheet and checked when typed back. Pure. */

const groupsPerLine = 4;

/** Lines of groups: as the code has them, or four to a line where it is one long line. */
export function linesOf(code: string): readonly (readonly string[])[] {
  const lines = code
    .split(/\r?\n/)
    .map(groupsOf)
    .filter((groups) => groups.length > 0);
  if (lines.length !== 1) return lines;
  const all = lines[0] ?? [];
  const cut: string[][] = [];
  for (let at = 0; at < all.length; at += groupsPerLine)
    cut.push(all.slice(at, at + groupsPerLine));
  return cut;
}

function groupsOf(line: string): readonly string[] {
  return line.split(/[\s-]+/).filter((group) => group !== '');
}

export interface Asked {
  /** Both counted from 1, as on the sheet. */
  readonly line: number;
  readonly group: number;
  readonly expected: string;
}

/** Two groups to type back: from different lines where there are two, chosen by `random` 0 to 1. */
export function groupsToAsk(code: string, random: () => number): readonly Asked[] {
  const all = linesOf(code).flatMap((groups, line) =>
    groups.map((expected, group) => ({ line: line + 1, group: group + 1, expected })),
  );
  const first = all[Math.floor(random() * all.length)];
  if (first === undefined) return [];
  const elsewhere = all.filter(({ line }) => line !== first.line);
  const rest = elsewhere.length > 0 ? elsewhere : all.filter((asked) => asked !== first);
  const second = rest[Math.floor(random() * rest.length)];
  const asked = second === undefined ? [first] : [first, second];
  return asked.toSorted((a, b) => a.line - b.line || a.group - b.group);
}

/** Capital letters, spaces and hyphens do not matter. */
export function sameGroup(typed: string, expected: string): boolean {
  const plain = (text: string) => text.replace(/[\s-]/g, '').toUpperCase();
  return plain(typed) === plain(expected);
}

export interface Sheet {
  readonly title: string;
  readonly facts: readonly (readonly [string, string])[];
  readonly sentence: string;
  readonly code: string;
}

/** The sheet as a text file. */
export function sheetText(sheet: Sheet): string {
  const width = Math.max(...sheet.facts.map(([name]) => name.length)) + 2;
  const facts = sheet.facts.map(([name, value]) => `${`${name}:`.padEnd(width)}${value}`);
  const lines = linesOf(sheet.code).map((groups, index) => `  ${index + 1}  ${groups.join(' ')}`);
  return [sheet.title, '', ...facts, '', ...lines, '', sheet.sentence, ''].join('\n');
}
