/**
 * What a command prints. With --json stdout gets exactly one JSON document and stderr gets progress
 * as JSON lines; without, stdout gets words and stderr gets errors and, on a terminal, one progress
 * line that is rewritten at most four times a second.
 */
import type { Job } from '#contract/domain.ts';
import type { ErrorCode, JsonValue, WireError } from '#contract/errors.ts';
import { duration, plain, plainLines, size } from './words.ts';

/** Where text goes; a test has its own. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Columns of stderr when it is a terminal, else null. */
  readonly columns: number | null;
  readonly now: () => number;
}

export interface Output {
  /** The result: `value` with --json, else `words()`. */
  result(value: unknown, words: () => string): void;
  /** Something a person should know while it runs; with --json a line on stderr. */
  note(text: string): void;
  progress(job: Job): void;
  error(error: WireError): void;
}

export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  refused: 3,
  problems: 4,
  cancelled: 130,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Codes with which a pre-flight says no before anything was touched. */
const refusals: ReadonlySet<ErrorCode> = new Set([
  'refused',
  'confirmation-required',
  'managed-save-present',
  'host-devices-present',
  'definition-refused',
  'change-unfinished',
]);

/** Codes that say the command itself was wrong, or is none of this version. */
const misuses: ReadonlySet<ErrorCode> = new Set([
  'invalid-input',
  'machine-ambiguous',
  'unsupported',
]);

/**
 * The documented exit code of an error; one that a pre-flight said is a refusal, whatever its
 * code.
 */
export function exitCodeOf({ code, data }: WireError): ExitCode {
  if (code === 'cancelled') return exitCodes.cancelled;
  if (data['preflight'] === true && code !== 'invalid-input') return exitCodes.refused;
  if (misuses.has(code)) return exitCodes.usage;
  return refusals.has(code) ? exitCodes.refused : exitCodes.failed;
}

const progressEveryMs = 250;

function listed(value: JsonValue | undefined): readonly string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

/** What happened, why, what is unharmed, what to do: each on its own line. */
function errorWords({ message, data }: WireError): string {
  const lines = [`waymark: ${message}`];
  for (const reason of listed(data['reasons'])) lines.push(`  - ${reason}`);
  for (const candidate of listed(data['candidates'])) lines.push(`  ${candidate}`);
  for (const unharmed of listed(data['unharmed'])) lines.push(`Unharmed: ${unharmed}`);
  for (const advice of listed(data['advice'])) lines.push(`What to do: ${advice}`);
  // Advice may be several commands on lines of their own; anything else that steers is defused.
  return plainLines(lines.join('\n'));
}

export function progressWords(job: Job): string {
  const { progress } = job;
  if (job.state.kind === 'queued') return `Waiting for ${plain(job.state.waitsFor)}`;
  if (job.state.kind === 'cancelling') return 'Cancelling…';
  if (progress === null) return plain(job.title);
  const parts = [plain(progress.stalled ?? progress.activity)];
  if (progress.totalBytes !== null) {
    parts.push(`${size(progress.doneBytes)} of ${size(progress.totalBytes)}`);
  } else if (progress.doneBytes > 0) parts.push(size(progress.doneBytes));
  if (progress.storedBytes > 0) parts.push(`stored ${size(progress.storedBytes)}`);
  if (progress.bytesPerSecond > 0) parts.push(`${size(progress.bytesPerSecond)}/s`);
  if (progress.secondsLeft !== null) parts.push(`about ${duration(progress.secondsLeft)} left`);
  return parts.join(' · ');
}

export function createOutput(streams: Streams, json: boolean): Output {
  let lastAt = Number.NEGATIVE_INFINITY;
  let shown = false;

  function clearLine(): void {
    if (shown) streams.err('\r\u001B[K');
    shown = false;
  }

  return {
    result(value, words) {
      clearLine();
      streams.out(`${json ? JSON.stringify(value) : words()}\n`);
    },
    note(text) {
      clearLine();
      streams.err(`${json ? JSON.stringify({ note: text }) : text}\n`);
    },
    progress(job) {
      const at = streams.now();
      if (at - lastAt < progressEveryMs) return;
      lastAt = at;
      if (json) {
        const { id, state, progress } = job;
        streams.err(`${JSON.stringify({ job: id, state: state.kind, progress })}\n`);
      } else if (streams.columns !== null) {
        const line = progressWords(job).slice(0, Math.max(20, streams.columns - 1));
        streams.err(`\r\u001B[K${line}`);
        shown = true;
      }
    },
    error(error) {
      clearLine();
      if (json) streams.out(`${JSON.stringify({ error })}\n`);
      else streams.err(`${errorWords(error)}\n`);
    },
  };
}
