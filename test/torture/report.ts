/** What happened, as a table: so that one sees that refusals did not leave nothing to test. */
import type { Happened } from './sequence.ts';

const outcomes = ['done', 'finished', 'undone', 'cut-off', 'refused', 'skipped'] as const;
const maxNotes = 6;

export function table(happened: readonly Happened[]): string {
  const names = [...new Set(happened.map(({ operation }) => operation.do))].sort();
  const rows = names.map((name) => {
    const some = happened.filter(({ operation }) => operation.do === name);
    const counts = outcomes.map((outcome) => countOf(some, outcome));
    const seconds = some.reduce((sum, one) => sum + one.seconds, 0) / some.length;
    return [name, ...counts, seconds.toFixed(1), notes(some)];
  });
  const total = ['all', ...outcomes.map((outcome) => countOf(happened, outcome)), '', ''];
  const head = ['operation', ...outcomes, 's each', 'why refused or cut off'];
  return aligned([head, ...rows, total]);
}

function countOf(happened: readonly Happened[], wanted: string): string {
  const count = happened.filter(({ outcome }) => outcome === wanted).length;
  return count === 0 ? '' : String(count);
}

/** The commonest reasons, most frequent first. */
function notes(happened: readonly Happened[]): string {
  const counts = new Map<string, number>();
  for (const { outcome, note } of happened) {
    if (outcome === 'done' || note === '') continue;
    counts.set(note, (counts.get(note) ?? 0) + 1);
  }
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, maxNotes)
    .map(([note, count]) => (count === 1 ? note : `${note} ×${count}`))
    .join('; ');
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
