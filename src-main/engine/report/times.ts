/** Times of a report: ISO 8601, in one zone that the page names once. */
import { html, type Markup } from './markup.ts';

/** "2026-11-26" */
export function isoDay(time: number, zone: string): string {
  return isoMinute(time, zone).slice(0, 10);
}

/** "2026-11-26 02:00"; Swedish writes dates as ISO 8601 does. */
function isoMinute(time: number, zone: string): string {
  return new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    dateStyle: 'short',
    timeStyle: 'short',
  }).format(time);
}

/** One moment, with what a machine reads beside what a person reads. */
export function moment(time: number, zone: string): Markup {
  return html`<time datetime="${new Date(time).toISOString()}">${isoMinute(time, zone)}</time>`;
}

/** @param below said in a second line; '' for nothing. */
export function timeCell(time: number | null, zone: string, none: string, below = ''): Markup {
  if (time === null) return html`<td class="time muted">${none}</td>`;
  const more = below === '' ? html`` : html`<p class="muted">${below}</p>`;
  return html`<td class="time">${moment(time, zone)}${more}</td>`;
}
