/**
 * A program and its arguments as one line a person can type. Nothing here is a shell: no variables,
 * no pipes, no patterns. Spaces part the arguments; quotes hold one together; a backslash takes the
 * next character as it is (outside of single quotes, as everywhere).
 */

export type ParsedLine =
  | { readonly kind: 'argv'; readonly argv: readonly string[] }
  /** A quote that is never closed, or a backslash at the end. */
  | { readonly kind: 'open' };

export function parseLine(line: string): ParsedLine {
  const argv: string[] = [];
  let word: string | null = null;
  let quote: '"' | "'" | null = null;
  for (let at = 0; at < line.length; at += 1) {
    const letter = line.charAt(at);
    if (letter === '\\' && quote !== "'") {
      if (at + 1 >= line.length) return { kind: 'open' };
      at += 1;
      word = (word ?? '') + line.charAt(at);
    } else if (letter === quote) {
      quote = null;
    } else if (quote === null && (letter === '"' || letter === "'")) {
      quote = letter;
      word ??= '';
    } else if (quote === null && /\s/.test(letter)) {
      if (word !== null) argv.push(word);
      word = null;
    } else {
      word = (word ?? '') + letter;
    }
  }
  if (quote !== null) return { kind: 'open' };
  if (word !== null) argv.push(word);
  return { kind: 'argv', argv };
}

const plain = /^[\p{L}\p{N}_@%+=:,./-]+$/u;

/** An argument so that a shell, and `parseLine`, read it back as one. */
function quoted(argument: string): string {
  return plain.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}

export function lineOf(argv: readonly string[]): string {
  return argv.map(quoted).join(' ');
}
