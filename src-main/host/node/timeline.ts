/** A machine's timeline for a list, honest about what of it could not be read. */
import type { Client } from '#contract/client.ts';
import type { Machine } from '#contract/domain.ts';
import { fromWireError } from '#contract/errors.ts';
import type { Timeline } from '#contract/moments.ts';
import type { Context } from './command.ts';
import { exitCodes, type ExitCode } from './output.ts';
import { plain } from './words.ts';

/**
 * `count` says how many of the timeline's entries the list is about. When the timeline is not whole
 * and there are none, the error that says why is thrown: an empty list would be a lie. When there
 * are some, they are shown with a note, and the exit code says that there were problems.
 */
export async function readTimeline(
  context: Context,
  client: Client,
  { id }: Machine,
  count: (timeline: Timeline) => number,
): Promise<{ readonly timeline: Timeline; readonly exitCode: ExitCode }> {
  const timeline = await client.call('machines.timeline', { machine: id });
  const { incomplete } = timeline;
  if (incomplete !== null && count(timeline) === 0) throw fromWireError(incomplete);
  if (incomplete !== null) {
    context.output.note(plain(`The list may not be complete: ${incomplete.message}`));
  }
  const cutOff = (await client.call('unfinished.list', {})).filter(
    ({ machine }) => machine.id === id,
  );
  for (const { title } of cutOff) {
    context.output.note(plain(`"${title}" was cut off. See waymark change list.`));
  }
  return { timeline, exitCode: incomplete === null ? exitCodes.done : exitCodes.problems };
}
