/**
 * An allow-list over XML: a rule says which attributes, texts and children an element may keep.
 * What comes out is written anew from values that passed; nothing of the old text is copied. What
 * does not pass is left out and told, unless it is only noise a running libvirt adds.
 */
import type { DefinitionChange } from '#contract/domain.ts';
import { children, element, textOf, type Element } from './xml.ts';

/** A whole value that may pass. */
export type Check = RegExp | readonly string[];

export interface Rule {
  readonly attributes?: Readonly<Record<string, Check>>;
  readonly text?: Check;
  readonly children?: Readonly<Record<string, Rule>>;
  /** Left out when one of these attributes does not pass or is missing. */
  readonly required?: readonly string[];
}

export type Report = (change: DefinitionChange) => void;

export const number: Check = /^\d{1,20}$/;
export const hexNumber: Check = /^(?:0x[0-9a-f]{1,16}|\d{1,20})$/i;
export const word: Check = /^[\w.+-]{1,64}$/;
export const yesNo: Check = ['yes', 'no'];
export const onOff: Check = ['on', 'off'];
/** Words for people, kept as text. */
export const prose: Check = /^[^]{0,8192}$/;

/** What libvirt fills in by itself and nobody misses. */
const quietElements: ReadonlySet<string> = new Set(['alias', 'backingStore', 'privateData']);
const quietAttributes: ReadonlySet<string> = new Set(['xmlns', 'id', 'placement', 'snapshot']);

function passes(value: string, check: Check): boolean {
  if (check instanceof RegExp) return check.test(value);
  return check.includes(value);
}

const notKnown = 'Waymark does not know it to be harmless on this host.';

/** Tells that something was left out. */
export function keptOut(report: Report, what: string, why = notKnown): void {
  report({ kind: 'kept-out', what: what.slice(0, 200), why });
}

/** The part of an element that passes, or '' when nothing of it may stay. */
export function allowed(given: Element, rule: Rule, report: Report, path = given.nodeName): string {
  const attributes: Record<string, string> = {};
  for (const { name, value } of [...given.attributes]) {
    const check = ownCheck(rule, name);
    if (check !== undefined && passes(value, check)) attributes[name] = value;
    else if (!quietAttributes.has(name) && !name.startsWith('xmlns:')) {
      keptOut(report, `${path}: ${name}="${value}"`);
    }
  }
  if (rule.required?.some((name) => attributes[name] === undefined) === true) {
    keptOut(report, path, 'A part of it that it cannot do without was left out.');
    return '';
  }
  if (rule.text !== undefined) {
    const text = textOf(given) ?? '';
    if (!passes(text, rule.text)) {
      keptOut(report, `${path}: ${text}`);
      return '';
    }
    return element(given.nodeName, attributes, text);
  }
  return element(given.nodeName, attributes, allowedChildren(given, rule, report, path));
}

function allowedChildren(given: Element, rule: Rule, report: Report, path: string): string[] {
  return children(given).flatMap((inner) => {
    const name = inner.nodeName;
    const innerRule = ownRule(rule.children, name);
    if (innerRule !== null) return [allowed(inner, innerRule, report, `${path}/${name}`)];
    if (!quietElements.has(name)) keptOut(report, `${path}/${name}`);
    return [];
  });
}

/** Never a property every object has: an element may be called "constructor". */
export function ownRule(
  rules: Readonly<Record<string, Rule>> | undefined,
  name: string,
): Rule | null {
  return rules !== undefined && Object.hasOwn(rules, name) ? (rules[name] ?? null) : null;
}

function ownCheck(rule: Rule, name: string): Check | undefined {
  const { attributes } = rule;
  return attributes !== undefined && Object.hasOwn(attributes, name) ? attributes[name] : undefined;
}
