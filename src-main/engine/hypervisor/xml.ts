/**
 * XML in and out, with the suspicion a definition from a backup deserves: every complaint of the
 * parser is an error, a document type is refused (entities live there), size and depth have limits.
 */
import { DOMParser, type Element as ParsedElement } from '@xmldom/xmldom';
import { AppError } from '#contract/errors.ts';

export const maxXmlCharacters = 4 * 1024 * 1024; // libvirt's own limit of a string
/** libvirt nests the images of a chain, each in the one above it, and allows 200. */
export const maxXmlDepth = 256;
export const maxXmlElements = 100_000;

export type Element = ParsedElement;

function refused(why: string): AppError {
  return new AppError('definition-refused', `The XML was refused: ${why}.`, { reason: why });
}

/**
 * The root element of a document.
 * @throws `definition-refused` for anything that is not plain, well-formed XML within the limits.
 */
export function parseXml(text: string, rootName?: string): Element {
  if (text.length > maxXmlCharacters) throw refused('it is too long');
  if (/<!DOCTYPE/i.test(text)) throw refused('it has a document type');
  if ((text.match(/<[^/!?]/g)?.length ?? 0) > maxXmlElements) throw refused('it is too large');
  let root: Element | null;
  try {
    const parser = new DOMParser({
      onError: (level, message) => {
        throw refused(`${level}: ${firstLine(message)}`);
      },
    });
    root = parser.parseFromString(text, 'text/xml').documentElement;
  } catch (thrown) {
    if (thrown instanceof AppError) throw thrown;
    throw refused(thrown instanceof Error ? firstLine(thrown.message) : 'it is not XML');
  }
  if (root === null) throw refused('it is empty');
  checkDepth(root);
  if (rootName !== undefined && root.nodeName !== rootName) {
    throw refused(`it holds <${root.nodeName}> where <${rootName}> was expected`);
  }
  return root;
}

function firstLine(message: string): string {
  return (message.split('\n', 1)[0] ?? '').slice(0, 200);
}

/** Walks without recursion: the stack is not the document's to spend. */
function checkDepth(root: Element): void {
  let level: Element[] = [root];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth >= maxXmlDepth) throw refused('it is nested too deeply');
    level = level.flatMap((parent) => children(parent));
  }
}

/** Element children, of one name or all, in order. */
export function children(parent: Element, name?: string): Element[] {
  const found: Element[] = [];
  for (let node = parent.firstChild; node !== null; node = node.nextSibling) {
    if (node.nodeType !== 1) continue;
    if (name === undefined || node.nodeName === name) found.push(node as Element);
  }
  return found;
}

export function child(parent: Element | null, name: string): Element | null {
  return parent === null ? null : (children(parent, name)[0] ?? null);
}

/** The element at a path of child names, or null. */
export function at(parent: Element | null, ...names: readonly string[]): Element | null {
  return names.reduce<Element | null>((element, name) => child(element, name), parent);
}

/** An attribute's value; null when absent or empty. */
export function attribute(element: Element | null, name: string): string | null {
  const value = element?.getAttribute(name) ?? '';
  return value === '' ? null : value;
}

/** Trimmed text of an element; null when absent or empty. */
export function textOf(element: Element | null): string | null {
  const value = (element?.textContent ?? '').trim();
  return value === '' ? null : value;
}

/** A value safe inside an attribute or element. Characters XML cannot hold are refused. */
export function escapeXml(value: string): string {
  // eslint-disable-next-line no-control-regex -- these are what XML cannot hold
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(value)) {
    throw new AppError('invalid-input', 'A name has a character that XML cannot hold.', {});
  }
  return value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&apos;')
    .replaceAll('\n', '&#10;')
    .replaceAll('\r', '&#13;')
    .replaceAll('\t', '&#9;');
}

export type Attributes = Readonly<Record<string, string | number | null | undefined>>;

/** `<name a="1">…</name>`; attributes that are null or undefined are left out. */
export function element(
  name: string,
  attributes: Attributes = {},
  content: readonly string[] | string = [],
): string {
  const head = Object.entries(attributes)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([key, value]) => ` ${key}="${escapeXml(String(value))}"`)
    .join('');
  const body = typeof content === 'string' ? escapeXml(content) : content.join('');
  return body === '' ? `<${name}${head}/>` : `<${name}${head}>${body}</${name}>`;
}
