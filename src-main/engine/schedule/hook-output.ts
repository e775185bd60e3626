/** What a hook prints, as it is kept with its run: the beginning and the end of it. */

/** Lines kept of the beginning; what went wrong first is there. */
export const keptFirstLines = 100;
/** Lines kept of the end; why it ended is there. */
export const keptLastLines = 100;

export interface HookOutput {
  add(line: string): void;
  /** The lines kept, with one between them that says how many are not. */
  lines(): readonly string[];
}

export function collectOutput(): HookOutput {
  const first: string[] = [];
  const last: string[] = [];
  let dropped = 0;
  return {
    add: (line) => {
      const clean = printable(line);
      if (first.length < keptFirstLines) {
        first.push(clean);
        return;
      }
      last.push(clean);
      if (last.length <= keptLastLines) return;
      last.shift();
      dropped += 1;
    },
    lines: () => {
      const gap = `(${dropped} ${dropped === 1 ? 'line' : 'lines'} not kept)`;
      return [...first, ...(dropped === 0 ? [] : [gap]), ...last];
    },
  };
}

/** A log is shown in terminals too: colours and other control characters go, a tab is a space. */
function printable(line: string): string {
  return line
    .replaceAll(/\p{Cc}\[[0-?]*[ -/]*[@-~]/gu, '')
    .replaceAll('\t', ' ')
    .replaceAll(/\p{Cc}/gu, '');
}
