/**
 * Changes single places of a document and leaves every other byte as it is: a definition that is
 * handed back to libvirt must not lose what we do not know of. Reading is `xml.ts`; the text is
 * parsed there first, so that what is cut here is known to be well-formed.
 */
import { escapeXml, parseXml } from './xml.ts';

/** An element as offsets into the text: `[start, end)` with its tags. */
export interface Span {
  readonly name: string;
  readonly start: number;
  /** After the start tag; equal to `end` for `<empty/>`. */
  readonly contentStart: number;
  readonly contentEnd: number;
  readonly end: number;
  readonly children: readonly Span[];
}

export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

interface OpenSpan {
  readonly name: string;
  readonly start: number;
  readonly contentStart: number;
  readonly children: Span[];
}

/** Comments, character data and instructions are stepped over; tags are taken apart. */
const token = new RegExp(
  '<!--[\\s\\S]*?-->|<!\\[CDATA\\[[\\s\\S]*?\\]\\]>|<\\?[\\s\\S]*?\\?>|' +
    `<(/?)([^\\s/>]+)(?:[^>"']|"[^"]*"|'[^']*')*>`,
  'g',
);

/** @throws `definition-refused` for anything that `parseXml` refuses. */
export function spanOf(xml: string, rootName: string): Span {
  parseXml(xml, rootName);
  const document: OpenSpan = { name: '', start: 0, contentStart: 0, children: [] };
  const open: OpenSpan[] = [document];
  for (const match of xml.matchAll(token)) {
    const [text, slash, name] = match;
    if (name === undefined) continue;
    const { index: start } = match;
    const after = start + text.length;
    if (slash === '/') {
      const span = open.pop();
      if (span !== undefined) {
        open.at(-1)?.children.push({ ...span, contentEnd: start, end: after });
      }
    } else if (text.endsWith('/>')) {
      const empty = { name, start, contentStart: after, contentEnd: after, end: after };
      open.at(-1)?.children.push({ ...empty, children: [] });
    } else {
      open.push({ name, start, contentStart: after, children: [] });
    }
  }
  const [root] = document.children;
  if (root === undefined) throw new RangeError('the parser accepted a document without a root');
  return root;
}

/** The text with its edits made; they must not overlap. */
export function edited(text: string, edits: readonly Edit[]): string {
  let rest = text;
  for (const { start, end, text: replacement } of edits.toSorted((a, b) => b.start - a.start)) {
    rest = rest.slice(0, start) + replacement + rest.slice(end);
  }
  return rest;
}

export function spansNamed({ children }: Span, name: string): readonly Span[] {
  return children.filter((one) => one.name === name);
}

export function spanNamed(span: Span, name: string): Span | null {
  return spansNamed(span, name)[0] ?? null;
}

/** The start tag's text, `<disk type='file'>`. */
export function startTag(text: string, { start, contentStart }: Span): string {
  return text.slice(start, contentStart);
}

/** The span itself without it, and the white space before it. */
export function removal(text: string, { start, end }: Span): Edit {
  let from = start;
  while (/\s/.test(text.charAt(from - 1))) from -= 1;
  return { start: from, end, text: '' };
}

/** A start tag with one attribute set; others stay as they are. */
export function withAttribute(tag: string, name: string, value: string): string {
  const quoted = `"${escapeXml(value)}"`;
  const found = new RegExp(`(\\s${name}\\s*=\\s*)("[^"]*"|'[^']*')`);
  if (found.test(tag)) return tag.replace(found, (_all, head: string) => `${head}${quoted}`);
  return tag.replace(/\s*(\/?)>$/, (_all, slash: string) => ` ${name}=${quoted}${slash}>`);
}
