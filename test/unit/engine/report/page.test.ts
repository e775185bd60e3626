import { describe, expect, test } from 'vitest';
import { grouped, maxRows, reportPage } from '#engine/report/page.ts';
import type { ReportFacts } from '#engine/report/facts.ts';
import { badWeek, machine, quietWeek, run } from '../../../fakes/report-facts.ts';

const bytes = (count: number) => `${count} bytes`;
const page = (facts: ReportFacts) => reportPage(facts, bytes).html;

/** What a person reads, in one line. */
function read(html: string): string {
  return html
    .replace(/<style>.*<\/style>/s, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/&(lt|gt|amp|quot|#39);/g, (_all, name: string) => {
      return { lt: '<', gt: '>', amp: '&', quot: '"', '#39': "'" }[name] ?? '';
    })
    .replaceAll(/\s+/g, ' ');
}

test('a quiet week says so, and has no empty sections', () => {
  const html = page(quietWeek());
  expect(read(html)).toContain(
    'All 3 machines are protected Nothing failed, and nothing was missed.',
  );
  const titles = [...html.matchAll(/<h2>([^<]*)</g)].map(([, title]) => title);
  expect(titles).toEqual(['Protected machines', 'Repositories']);
});

test('a bad week names each machine, why, and what to do, the worst first', () => {
  const text = read(page(badWeek()));
  expect(text).toContain('3 of 6 machines are not protected');
  expect(text).toContain('Free space there, or back up to another repository.');
  expect(text).toContain('Waymark was not running from 22 to 24 November 2026.');
  expect(text).toContain('Lab machines until a person resumes it');
  expect(text).toContain('scratch, games');
  expect(text.indexOf('Failing')).toBeLessThan(text.indexOf('Never'));
  expect(text.indexOf('Never')).toBeLessThan(text.indexOf('Overdue'));
});

test('times are ISO 8601 in the zone that is named, and for programs in UTC', () => {
  const html = page(quietWeek());
  expect(read(html)).toContain('2026-11-19 to 2026-11-26 · times in Europe/Berlin');
  expect(html).toContain('<time datetime="2026-11-26T02:00:00.000Z">2026-11-26 03:00</time>');
});

test('it is named after its day in that zone', () => {
  const late = Date.UTC(2026, 10, 26, 23, 30);
  expect(reportPage(quietWeek({ to: late }), bytes).name).toBe('waymark-report-2026-11-27.html');
});

describe('a name is never markup', () => {
  const evil = '</td><script>alert(1)</script><img src=x onerror="x">&amp;\'`${1}';
  const facts = quietWeek({
    computer: evil,
    machines: [
      machine(evil),
      machine(evil, { protection: 'failing', words: evil, host: evil }),
      machine(evil, { protection: 'not-planned' }),
    ],
    failed: [run(evil, evil, { plan: evil, repository: evil, advice: evil })],
    missed: [run(evil, evil)],
    paused: [{ name: evil, words: evil }],
    repositories: [{ ...quietWeek().repositories[0]!, name: evil, path: evil, trouble: evil }],
  });

  test('it is read as it is, and starts no element', () => {
    const html = page(facts);
    expect(html).not.toContain('<script');
    expect(html).not.toContain('<img');
    expect(read(html).split(evil).length - 1).toBeGreaterThan(12);
  });

  test('a control character is shown as one that has no picture', () => {
    const html = page(quietWeek({ machines: [machine('a\u0000\u001b[31m')] }));
    expect(html).not.toMatch(/[^\P{Cc}\n]/u);
  });
});

test('the page needs and runs nothing beside it', () => {
  const html = page(badWeek());
  expect(html).toContain("default-src 'none'; style-src 'unsafe-inline'");
  expect(html).not.toMatch(/<(script|link|img|iframe|object)|url\(|@import|https?:/);
});

test('of a thousand failed runs the first are shown and the rest counted', () => {
  const failed = Array.from({ length: 1000 }, (_one, at) => run(`machine-${at}`, 'It failed.'));
  const text = read(page(quietWeek({ failed })));
  expect(text).toContain(`machine-${maxRows - 1} `);
  expect(text).not.toContain(`machine-${maxRows} `);
  expect(text).toContain(`and ${1000 - maxRows} more`);
});

test('the same again and again is one row, with the newest time and how often', () => {
  const rows = grouped([
    run('web', 'Full.', { due: 3 }),
    run('web', 'Full.', { due: 9, times: 2 }),
    run('web', 'Gone.', { due: 5 }),
    run('mail', 'Full.', { due: 4 }),
  ]);
  expect(rows.map(({ machine: name, words, due, times }) => [name, words, due, times])).toEqual([
    ['web', 'Full.', 9, 3],
    ['web', 'Gone.', 5, 1],
    ['mail', 'Full.', 4, 1],
  ]);
});
