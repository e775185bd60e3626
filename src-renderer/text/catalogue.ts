/**
 * How a phrase is looked up and filled in. A key that does not exist or a value that is missing
 * does not compile: both are read off the catalogue's own text. Plural phrases hold one form a
 * category of Intl.PluralRules and are chosen by `count`; nothing is glued together from pieces.
 */
import { en } from './en.ts';
import { countText, locale } from './numbers.ts';

export type Catalogue = typeof en;
export type Key = keyof Catalogue;

type PluralForms = { readonly one: string; readonly other: string };
type Names<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Names<Rest>
  : never;
type TextOf<K extends Key> = Catalogue[K] extends PluralForms
  ? Catalogue[K]['one'] | Catalogue[K]['other']
  : Catalogue[K] & string;

/** The values a phrase needs; plural ones always need `count`. */
export type Values<K extends Key> = {
  readonly [Name in Names<TextOf<K>> | (Catalogue[K] extends PluralForms ? 'count' : never)]:
    string | number;
};
/** Nothing to give when the phrase has no gaps. */
export type Gaps<K extends Key> = keyof Values<K> extends never ? [] : [values: Values<K>];

/** One piece of a phrase: plain words, or a value with the name of its gap. */
export type Piece =
  | { readonly kind: 'words'; readonly text: string }
  | { readonly kind: 'value'; readonly name: string; readonly text: string };

const plurals = new Intl.PluralRules(locale);

function formFor(key: Key, values: Readonly<Record<string, string | number>>): string {
  const phrase: string | PluralForms = en[key];
  if (typeof phrase === 'string') return phrase;
  return plurals.select(Number(values['count'])) === 'one' ? phrase.one : phrase.other;
}

/** The phrase in pieces, so that a screen can isolate or stress the values in it. */
export function pieces<K extends Key>(key: K, ...gaps: Gaps<K>): readonly Piece[] {
  const values: Readonly<Record<string, string | number>> = gaps[0] ?? {};
  return formFor(key, values)
    .split(/(\{[^}]+\})/)
    .filter((part) => part !== '')
    .map((part): Piece => {
      if (!part.startsWith('{')) return { kind: 'words', text: part };
      const name = part.slice(1, -1);
      const value = values[name] ?? '';
      return { kind: 'value', name, text: typeof value === 'number' ? countText(value) : value };
    });
}

/** The phrase in the language of the window, with its gaps filled. */
export function t<K extends Key>(key: K, ...gaps: Gaps<K>): string {
  return pieces(key, ...gaps)
    .map((piece) => piece.text)
    .join('');
}
