/** Finds the command in a piece of advice, so that it can be shown apart and copied. */

export interface AdviceParts {
  readonly words: string;
  readonly command: string;
}

/** What an advice begins with when all of it is one command. */
const commandStart = /^(sudo|systemctl|apt|apt-get|dnf|usermod|mount|chmod|chown|ls|virsh)\s/;

/** Advice is a sentence, a sentence with a command in backticks, or only a command. */
export function commandIn(advice: string): AdviceParts {
  if (commandStart.test(advice)) return { words: '', command: advice };
  const quoted = /`([^`]+)`/.exec(advice);
  if (quoted?.[1] === undefined) return { words: advice, command: '' };
  const words = advice
    .replace(quoted[0], '')
    .replace(/[\s:]+([.,])/g, '$1')
    .replace(/\s{2,}/g, ' ');
  return { words: words.trim(), command: quoted[1] };
}
