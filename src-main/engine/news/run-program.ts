import { AppError } from '#contract/errors.ts';
import type { ChannelName } from '#contract/news.ts';
import type { GroupEnd } from '#engine/world/process-group.ts';
import type { World } from '#engine/world/world.ts';
import { notSent, sendTimeoutMs } from './outgoing.ts';

/** The last lines a program printed, told when it failed. */
const keptLines = 5;

/**
 * Runs a program that takes news on its standard input.
 * @throws `news-not-sent` when it is not there, does not end with 0, or not in time
 */
export async function giveToProgram(
  { processes }: World,
  channel: ChannelName,
  argv: readonly string[],
  input: string,
  signal: AbortSignal,
): Promise<void> {
  const [program = '', ...args] = argv;
  const printed: string[] = [];
  let end: GroupEnd;
  try {
    end = await processes.runGroup(program, args, {
      input,
      env: {},
      timeoutMs: sendTimeoutMs,
      signal,
      onLine: (line) => {
        printed.push(line.replaceAll(/\p{Cc}/gu, ' '));
        if (printed.length > keptLines) printed.shift();
      },
    });
  } catch (thrown) {
    const why = thrown instanceof AppError ? thrown.message : `${program} could not be started.`;
    throw notSent(channel, why, 'Install it, or name another program by its full path.');
  }
  if (end.kind === 'exited' && end.code === 0) return;
  const said = printed.length === 0 ? '' : ` It printed: ${printed.join(' / ')}`;
  const advice = 'Run the program by hand to see what it needs, then send a test.';
  throw notSent(channel, `${program} ${endWords(end)}.${said}`, advice);
}

function endWords(end: GroupEnd): string {
  switch (end.kind) {
    case 'exited':
      return `ended with ${end.code}`;
    case 'killed':
      return `was ended by ${end.signal}`;
    case 'timed-out':
      return `did not end within ${sendTimeoutMs / 1000} s and was stopped`;
    case 'cancelled':
      return 'was stopped, because Waymark ends';
  }
}
