/**
 * HTML from values: whatever is put into a template is text and is escaped, unless it is markup
 * itself. There is no other way to make markup, so no name of a machine can become any.
 */
class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type { Markup };

type Value = string | number | Markup | readonly Markup[];

/** A template whose values are text. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  const text = parts.reduce((sum, part, index) => {
    const value = values[index - 1];
    return sum + (value === undefined ? '' : written(value)) + part;
  });
  return new Markup(text);
}

/** Our own style sheet: nothing of a person's is in it. */
export function styleSheet(css: string): Markup {
  return new Markup(`<style>${css}</style>`);
}

function written(value: Value): string {
  if (value instanceof Markup) return value.text;
  if (typeof value === 'string' || typeof value === 'number') return escaped(String(value));
  return value.map(({ text }) => text).join('');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Control characters are no text of HTML; a line break stays. */
function escaped(text: string): string {
  return text
    .replaceAll(/[^\P{Cc}\n]/gu, '\u{FFFD}')
    .replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
}
