import type { ReportFacts, ReportRepository } from './facts.ts';
import { forecast } from './forecast.ts';
import { html, type Markup } from './markup.ts';
import { isoDay, moment } from './times.ts';

/** Sooner than this a repository that will be full is marked. */
const soonMs = 60 * 86_400_000;

export function repositories(
  { repositories: all, to, zone }: ReportFacts,
  inBytes: (bytes: number) => string,
): Markup {
  if (all.length === 0) return html``;
  const rows = all.map((repository) => {
    const { name, path, points, addedBytes } = repository;
    const added = addedBytes === 0 ? '' : `, ${inBytes(addedBytes)} added`;
    return html`<tr>
      <td>
        <strong>${name}</strong>
        <p class="muted">${path}</p>
      </td>
      <td>${space(repository, to, zone, inBytes)}</td>
      <td class="short">
        ${points} made${added}
        <p class="muted">${verified(repository, zone)}</p>
      </td>
    </tr>`;
  });
  return html`<section>
    <h2>Repositories</h2>
    <p>When each is full is reckoned from what was added in the last four weeks.</p>
    <table class="wide">
      <thead>
        <tr>
          <th class="store">Repository</th>
          <th>Space</th>
          <th>Restore points</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </section>`;
}

function space(
  repository: ReportRepository,
  now: number,
  zone: string,
  inBytes: (bytes: number) => string,
): Markup {
  const { trouble, usedBytes, freeBytes } = repository;
  if (trouble !== null || usedBytes === null) {
    return html`<p class="damage">${trouble ?? 'It was not looked at.'}</p>`;
  }
  const room = freeBytes === null ? '' : `, ${inBytes(freeBytes)} free`;
  const { tone, words } = fullWords(repository, now, zone);
  return html`${bar(usedBytes, freeBytes, tone)}
    <p>${inBytes(usedBytes)} used${room}</p>
    <p class="muted">${words}</p>`;
}

/** How much of the room there is for it is taken; others may share that room. */
function bar(usedBytes: number, freeBytes: number | null, tone: string): Markup {
  if (freeBytes === null || usedBytes + freeBytes === 0) return html``;
  const percent = ((usedBytes * 100) / (usedBytes + freeBytes)).toFixed(1);
  return html`<div class="bar ${tone}"><i style="width: ${percent}%"></i></div>`;
}

function fullWords(repository: ReportRepository, now: number, zone: string) {
  const foreseen = forecast(repository, now);
  switch (foreseen.kind) {
    case 'unknown':
      return { tone: '', words: 'How much room is left there is not known.' };
    case 'too-early':
      return {
        tone: '',
        words: 'When it is full cannot be told yet: less than two weeks of points lie behind it.',
      };
    case 'not-soon':
      return { tone: '', words: 'Not full within ten years at this rate.' };
    case 'full-at': {
      const tone = foreseen.time - now < soonMs ? 'bad' : '';
      return { tone, words: `Full around ${isoDay(foreseen.time, zone)} at this rate.` };
    }
  }
}

function verified({ verified: last }: ReportRepository, zone: string): Markup {
  if (last === null) return html`Not verified`;
  return last.ok
    ? html`Verified ${moment(last.time, zone)}`
    : html`<span class="damage">Damage was found</span> ${moment(last.time, zone)}`;
}
