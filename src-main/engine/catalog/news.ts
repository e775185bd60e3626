import type { MachineId } from '#contract/domain.ts';
import type { ChannelName, News } from '#contract/news.ts';
import type { PlanId } from '#contract/plans.ts';
import { text, textOrNull, whole, type Row, type WritableDb } from './database.ts';

/** One piece of news that a channel has not taken yet. */
export interface Delivery {
  readonly news: News;
  readonly channel: ChannelName;
  /** How often it was tried. */
  readonly attempts: number;
  /** Not before; UTC epoch milliseconds. */
  readonly nextAt: number;
}

export interface NewsRows {
  /** With one delivery, due at once, for each channel. */
  insert(news: News, channels: readonly ChannelName[]): void;
  /** Those since `from`, newest first. */
  since(from: number): readonly News[];
  /** What is to be sent, oldest first. */
  deliveries(): readonly Delivery[];
  tryLater(news: string, channel: ChannelName, nextAt: number): void;
  /** It was sent, or is given up. */
  close(news: string, channel: ChannelName): void;
}

/** News kept; what of older news was not sent is not sent any more. */
export const maxNews = 1000;

/** `keep` is how many stay; tests keep fewer. */
export function newsQueries(db: WritableDb, keep: number = maxNews): NewsRows {
  return {
    insert: (news, channels) => {
      db.transaction(() => {
        const { id, kind, title, body, time, plan, machine } = news;
        db.run(
          `INSERT INTO news (id, kind, title, body, time, plan, machine)
            VALUES (?, ?, ?, ?, ?, ?, ?)`,
          ...[id, kind, title, body, time, plan, machine],
        );
        for (const channel of channels) {
          db.run(
            'INSERT INTO news_deliveries (news, channel, next_at) VALUES (?, ?, ?)',
            ...[id, channel, time],
          );
        }
        db.run(
          `DELETE FROM news WHERE id NOT IN
            (SELECT id FROM news ORDER BY time DESC, id DESC LIMIT ?)`,
          keep,
        );
      });
    },
    since: (from) =>
      db.all('SELECT * FROM news WHERE time >= ? ORDER BY time DESC, id DESC', from).map(toNews),
    deliveries: () =>
      db
        .all(
          `SELECT news.*, channel, attempts, next_at FROM news_deliveries
            JOIN news ON news.id = news_deliveries.news ORDER BY news.time, news.id`,
        )
        .map((row) => ({
          news: toNews(row),
          channel: text(row, 'channel') as ChannelName,
          attempts: whole(row, 'attempts'),
          nextAt: whole(row, 'next_at'),
        })),
    tryLater: (id, channel, nextAt) => {
      db.run(
        `UPDATE news_deliveries SET attempts = attempts + 1, next_at = ?
          WHERE news = ? AND channel = ?`,
        ...[nextAt, id, channel],
      );
    },
    close: (id, channel) => {
      db.run('DELETE FROM news_deliveries WHERE news = ? AND channel = ?', id, channel);
    },
  };
}

function toNews(row: Row): News {
  return {
    id: text(row, 'id'),
    kind: text(row, 'kind') as News['kind'],
    title: text(row, 'title'),
    body: text(row, 'body'),
    time: whole(row, 'time'),
    plan: textOrNull(row, 'plan') as PlanId | null,
    machine: textOrNull(row, 'machine') as MachineId | null,
  };
}
