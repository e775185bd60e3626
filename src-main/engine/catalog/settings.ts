import { text, type WritableDb } from './database.ts';

/** Small facts by key. Never a secret: those are kept by world/secrets.ts. */
export interface Settings {
  get(key: string): string | null;
  set(key: string, value: string): void;
  remove(key: string): void;
  /** Who made a checkpoint: this installation. The same for the life of the data folder. */
  installation(): string;
}

export const installationKey = 'installation';

export function settingQueries(db: WritableDb, newInstallation: string): Settings {
  const get = (key: string) => {
    const row = db.get('SELECT value FROM settings WHERE key = ?', key);
    return row === undefined ? null : text(row, 'value');
  };
  const set = (key: string, value: string) => {
    db.run(
      `INSERT INTO settings (key, value) VALUES (?, ?)
        ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
      key,
      value,
    );
  };
  return {
    get,
    set,
    remove: (key) => {
      db.run('DELETE FROM settings WHERE key = ?', key);
    },
    installation: () => {
      const known = get(installationKey);
      if (known !== null) return known;
      set(installationKey, newInstallation);
      return newInstallation;
    },
  };
}
