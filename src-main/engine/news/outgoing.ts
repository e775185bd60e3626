/** News as it leaves the computer: what a program, a mail and a web address are given. */
import { AppError } from '#contract/errors.ts';
import type { ChannelName, News } from '#contract/news.ts';

/** How long one attempt may take; milliseconds. */
export const sendTimeoutMs = 30_000;

/**
 * One JSON document, the same for a program and a web address. `text` is both lines in one, which
 * is what chat programs show.
 */
export function newsDocument(news: News, computer: string): string {
  const { id, kind, title, body, time, plan, machine } = news;
  return JSON.stringify({
    product: 'Waymark',
    computer,
    id,
    kind,
    time: new Date(time).toISOString(),
    title,
    body,
    text: `${title}\n${body}`,
    plan,
    machine,
  });
}

/** A channel did not take it. Backups do not depend on it. */
export function notSent(channel: ChannelName, message: string, advice: string): AppError {
  return new AppError('news-not-sent', message, {
    channel,
    unharmed: 'Backups and plans go on without it.',
    advice,
  });
}
