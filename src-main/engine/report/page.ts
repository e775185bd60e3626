/**
 * The report of some days as one HTML page: what is protected, what was missed although everything
 * that ran was green, what failed and what to do, how much room is left. It needs nothing beside
 * it, runs nothing, and reads as well on paper. English and ISO 8601, like every exported report.
 */
import type { ReportFacts, ReportMachine, ReportRun } from './facts.ts';
import { html, styleSheet, type Markup } from './markup.ts';
import { repositories } from './repositories-section.ts';
import { style } from './style.ts';
import { isoDay, timeCell } from './times.ts';
import { counted, needsALook, verdictOf, type Tone } from './verdict.ts';

/** Rows of one table; what is more is told as a number. */
export const maxRows = 200;

export interface ReportPage {
  readonly html: string;
  /** A file name: "waymark-report-2026-11-26.html" */
  readonly name: string;
}

/** @param inBytes "4.6 GiB" */
export function reportPage(facts: ReportFacts, inBytes: (bytes: number) => string): ReportPage {
  const { computer, from, to, zone } = facts;
  const days = `${isoDay(from, zone)} to ${isoDay(to, zone)}`;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'"
        />
        <meta name="viewport" content="width=device-width" />
        <meta name="referrer" content="no-referrer" />
        <title>Waymark on ${computer}: ${days}</title>
        ${styleSheet(style)}
      </head>
      <body>
        <header><strong>Waymark report</strong> · ${computer} · ${days} · times in ${zone}</header>
        <main>
          ${verdict(facts)} ${figures(facts)} ${machinesToLookAt(facts)}
          ${runs('Failed runs', 'What happened, and what to do.', facts.failed, zone)}
          ${runs('Finished with problems', 'A restore point was made.', facts.problems, zone)}
          ${runs('Missed and skipped', 'Nothing was backed up at these times.', facts.missed, zone)}
          ${runs('Waiting', 'Not begun when this page was made.', facts.waiting, zone)}
          ${paused(facts)} ${protectedMachines(facts)} ${notPlanned(facts)}
          ${repositories(facts, inBytes)}
        </main>
        ${footer(facts)}
      </body>
    </html> `;
  return { html: page.text, name: `waymark-report-${isoDay(to, zone)}.html` };
}

const toneWords: Readonly<Record<Tone, string>> = {
  good: 'Good',
  look: 'Needs a look',
  bad: 'Needs action',
  unknown: 'Not known',
};

function verdict(facts: ReportFacts): Markup {
  const { tone, title, words } = verdictOf(facts);
  return html`<section class="verdict ${tone}">
    <p class="word">${toneWords[tone]}</p>
    <h1>${title}</h1>
    <p>${words}</p>
  </section>`;
}

function figures({ machines, counts, repositories: stores }: ReportFacts): Markup {
  const planned = machines.filter(({ protection }) => protection !== 'not-planned');
  const good = planned.filter(({ protection }) => protection === 'protected');
  const points = stores.reduce((sum, one) => sum + one.points, 0);
  const figure = (name: string, value: number, of: string) =>
    html`<div>
      <dt>${name}</dt>
      <dd>${value} <small>${of}</small></dd>
    </div>`;
  return html`<dl class="figures">
    ${[
      figure('Protected', good.length, `of ${planned.length} planned`),
      figure('Restore points made', points, ''),
      figure('Failed runs', counts.failed, `of ${counts.done + counts.problems + counts.failed}`),
      figure('Missed times', counts.missed, ''),
    ]}
  </dl>`;
}

function section(title: string, words: string, body: Markup): Markup {
  const below = words === '' ? [] : [html`<p>${words}</p>`];
  return html`<section>
    <h2>${title}</h2>
    ${below}${body}
  </section>`;
}

const nothing = html``;

/** Rows of a table, and how many are not shown. */
function table(head: Markup, rows: readonly Markup[]): Markup {
  const more = rows.length - maxRows;
  const rest = more <= 0 ? nothing : html`<p class="muted">and ${more} more</p>`;
  return html`<table class="wide">
      <thead>
        <tr>
          ${head}
        </tr>
      </thead>
      <tbody>
        ${rows.slice(0, maxRows)}
      </tbody>
    </table>
    ${rest}`;
}

const states: Readonly<Record<ReportMachine['protection'], readonly [Tone, string]>> = {
  protected: ['good', 'Protected'],
  overdue: ['look', 'Overdue'],
  failing: ['bad', 'Failing'],
  never: ['look', 'Never'],
  'not-planned': ['unknown', 'Not planned'],
};
/** What is worst comes first. */
const urgency: readonly ReportMachine['protection'][] = ['failing', 'never', 'overdue'];

function machinesToLookAt({ machines, zone }: ReportFacts): Markup {
  const open = machines
    .filter(needsALook)
    .sort((a, b) => urgency.indexOf(a.protection) - urgency.indexOf(b.protection));
  if (open.length === 0) return nothing;
  const rows = open.map(({ name, host, protection, words, lastGood }) => {
    const [tone, word] = states[protection];
    return html`<tr>
      <td>
        <strong>${name}</strong>
        <p class="muted">${host}</p>
      </td>
      <td class="short"><span class="state ${tone}">${word}</span></td>
      ${timeCell(lastGood, zone, 'none yet')}
      <td>${words}</td>
    </tr>`;
  });
  const head = html`<th>Machine</th>
    <th>State</th>
    <th>Last good point</th>
    <th>Why</th>`;
  return section('Machines that need a look', '', table(head, rows));
}

function runs(title: string, words: string, all: readonly ReportRun[], zone: string): Markup {
  if (all.length === 0) return nothing;
  const rows = grouped(all).map(({ due, times, plan, machine, repository, ...run }) => {
    const before = times === 1 ? '' : `and ${counted(times - 1, 'time')} before`;
    const where = repository === '' ? '' : ` to ${repository}`;
    return html`<tr>
      ${timeCell(due, zone, '', before)}
      <td>
        <strong>${machine}</strong>
        <p class="muted">${plan}${where}</p>
      </td>
      <td>
        <p>${run.words}</p>
        ${run.advice === '' ? nothing : html`<p class="muted">${run.advice}</p>`}
      </td>
    </tr>`;
  });
  const head = html`<th class="when">Planned for</th>
    <th class="who">Machine</th>
    <th>What happened</th>`;
  return section(title, words, table(head, rows));
}

/** The same again and again is one row, with how often; the newest first. Pure. */
export function grouped(runs_: readonly ReportRun[]): readonly ReportRun[] {
  const groups = new Map<string, ReportRun>();
  for (const run of runs_) {
    const key = JSON.stringify([run.plan, run.machine, run.repository, run.words, run.advice]);
    const known = groups.get(key);
    groups.set(key, {
      ...run,
      due: Math.max(run.due, known?.due ?? run.due),
      times: run.times + (known?.times ?? 0),
    });
  }
  return [...groups.values()].sort((a, b) => b.due - a.due);
}

function paused(facts: ReportFacts): Markup {
  if (facts.paused.length === 0) return nothing;
  const rows = facts.paused.map(
    ({ name, words }) =>
      html`<tr>
        <td><strong>${name}</strong></td>
        <td>${words}</td>
      </tr>`,
  );
  const words = 'Nothing begins by itself for them.';
  return section(
    'Paused plans',
    words,
    table(
      html`<th>Plan</th>
        <th>Until</th>`,
      rows,
    ),
  );
}

function protectedMachines({ machines, zone }: ReportFacts): Markup {
  const good = machines.filter(({ protection }) => protection === 'protected');
  if (good.length === 0) return nothing;
  const rows = good.map(
    ({ name, host, lastGood, points }) =>
      html`<tr>
        <td><strong>${name}</strong></td>
        <td>${host}</td>
        ${timeCell(lastGood, zone, 'none')}
        <td class="number">${points}</td>
      </tr>`,
  );
  const head = html`<th>Machine</th>
    <th>Host</th>
    <th>Last good point</th>
    <th class="number">Points made</th>`;
  return section('Protected machines', '', table(head, rows));
}

function notPlanned({ machines }: ReportFacts): Markup {
  const out = machines.filter(({ protection }) => protection === 'not-planned');
  if (out.length === 0) return nothing;
  const names = out.slice(0, maxRows).map(({ name }) => name);
  const more = out.length > maxRows ? ` and ${out.length - maxRows} more` : '';
  const words = 'Nothing backs them up by itself.';
  return section('On no plan', words, html`<p>${names.join(', ')}${more}</p>`);
}

function footer({ version, to, machines }: ReportFacts): Markup {
  return html`<footer>
    <p>
      “Protected” means: the newest restore point that is not known to be damaged is new enough for
      the plan. Whether a point can be read back is another question; “verified” answers it.
    </p>
    <p>
      Made by Waymark ${version} at
      <time datetime="${new Date(to).toISOString()}">${new Date(to).toISOString()}</time> from
      ${counted(machines.length, 'machine')}.
    </p>
  </footer>`;
}
