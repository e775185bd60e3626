/** The measured figures as a markdown table, with our ratio to each peer. */
import { works, workTitles, type Work } from './contender.ts';

export interface Row {
  readonly work: Work;
  readonly name: string;
  readonly reads: string;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly peakBytes: number;
  /** Null for what keeps no repository. */
  readonly growthBytes: number | null;
}

export const ourName = 'Waymark';
const MB = 1_000_000;

/** One table a work; "we are" tells how our time and growth compare, below 1 is better for us. */
export function markdown(rows: readonly Row[]): string {
  return works
    .map((work) =>
      section(
        work,
        rows.filter((row) => row.work === work),
      ),
    )
    .filter((text) => text !== '')
    .join('\n');
}

function section(work: Work, rows: readonly Row[]): string {
  if (rows.length === 0) return '';
  const ours = rows.find(({ name }) => name === ourName);
  const lines = rows.map((row) => {
    const cells = [
      row.name,
      row.reads,
      `${row.wallSeconds.toFixed(2)} s`,
      `${row.cpuSeconds.toFixed(1)} s`,
      `${(row.peakBytes / MB).toFixed(0)} MB`,
      row.growthBytes === null ? '–' : `${(row.growthBytes / MB).toFixed(1)} MB`,
      ratio(ours?.wallSeconds, row.wallSeconds, row),
      ratio(ours?.growthBytes, row.growthBytes, row),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    `### ${workTitles[work]}`,
    '',
    '| tool | reads | wall | CPU | peak memory | repository | our time ÷ its | our growth ÷ its |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...lines,
    '',
  ].join('\n');
}

function ratio(ours: number | null | undefined, its: number | null, row: Row): string {
  if (row.name.startsWith(ourName)) return '';
  if (ours === undefined || ours === null || its === null || its === 0) return '–';
  return (ours / its).toFixed(2);
}
