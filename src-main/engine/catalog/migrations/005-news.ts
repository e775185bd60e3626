import type { Migration } from '../migrate.ts';

/** What a person should hear of, and what of it is still to be sent. Never edited. */
export const news: Migration = {
  version: 5,
  what: 'news',
  sql: `
    CREATE TABLE news (
      id TEXT PRIMARY KEY,
      kind TEXT NOT NULL,
      title TEXT NOT NULL,
      body TEXT NOT NULL,
      time INTEGER NOT NULL,
      plan TEXT,
      machine TEXT
    ) STRICT;

    -- A row goes when its news was sent, or was tried often enough.
    CREATE TABLE news_deliveries (
      news TEXT NOT NULL REFERENCES news (id) ON DELETE CASCADE,
      channel TEXT NOT NULL,
      attempts INTEGER NOT NULL DEFAULT 0,
      next_at INTEGER NOT NULL,
      PRIMARY KEY (news, channel)
    ) STRICT;
  `,
};
