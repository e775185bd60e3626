/**
 * The engine's log: English, one line each, no secrets. `error` returns the id a person is shown.
 */
export interface Log {
  info(message: string, data?: Record<string, unknown>): void;
  warn(message: string, data?: Record<string, unknown>): void;
  error(message: string, thrown?: unknown): string;
}

export const silentLog: Log = {
  info: () => undefined,
  warn: () => undefined,
  error: () => 'not-logged',
};

/** A log that writes JSON lines with ISO 8601 times through `write`. */
export function lineLog(
  write: (line: string) => void,
  now: () => number,
  newId: () => string,
): Log {
  const line = (level: string, message: string, extra: Record<string, unknown>) => {
    write(JSON.stringify({ time: new Date(now()).toISOString(), level, message, ...extra }) + '\n');
  };
  return {
    info: (message, data = {}) => {
      line('info', message, data);
    },
    warn: (message, data = {}) => {
      line('warn', message, data);
    },
    error: (message, thrown) => {
      const id = newId();
      line('error', message, { id, error: describe(thrown) });
      return id;
    },
  };
}

function describe(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const cause = thrown.cause === undefined ? '' : `\ncaused by ${describe(thrown.cause)}`;
  return (thrown.stack ?? `${thrown.name}: ${thrown.message}`) + cause;
}
