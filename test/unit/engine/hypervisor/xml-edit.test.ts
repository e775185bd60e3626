import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  edited,
  removal,
  spanNamed,
  spanOf,
  spansNamed,
  startTag,
  withAttribute,
  type Span,
} from '#engine/hypervisor/xml-edit.ts';
import { element } from '#engine/hypervisor/xml.ts';

function textOf(xml: string, { contentStart, contentEnd }: Span): string {
  return xml.slice(contentStart, contentEnd);
}

describe('spans', () => {
  test('of nested, empty and repeated elements', () => {
    const xml = `<a x='1'><b/><c y="2>1">text</c><b>second</b></a>`;
    const root = spanOf(xml, 'a');
    expect(xml.slice(root.start, root.end)).toBe(xml);
    expect(startTag(xml, root)).toBe(`<a x='1'>`);
    expect(spansNamed(root, 'b').map((one) => textOf(xml, one))).toEqual(['', 'second']);
    const c = spanNamed(root, 'c')!;
    expect(startTag(xml, c)).toBe('<c y="2>1">');
    expect(textOf(xml, c)).toBe('text');
    expect(spanNamed(root, 'd')).toBeNull();
  });

  test('tags in comments, character data and instructions are none', () => {
    const xml = `<?xml version="1.0"?>\n<a><!-- <b>no</b> --><![CDATA[<b>no</b>]]><b>yes</b></a>`;
    const root = spanOf(xml, 'a');
    expect(root.children.map((one) => textOf(xml, one))).toEqual(['yes']);
  });

  test('what the parser refuses is refused', () => {
    for (const bad of ['<a><b></a>', '', '<b/>', '<!DOCTYPE a><a/>', '<a/><a/>']) {
      expect(() => spanOf(bad, 'a'), bad).toThrow();
    }
  });

  const name = fc.constantFrom('a', 'b', 'disk', 'source');
  const value = fc.string({ unit: fc.constantFrom('x', '<', '>', '"', "'", '&', ' ', '/') });
  const { tree } = fc.letrec<{ tree: string }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.tuple(name, value).map(([tag, text]) => element(tag, { v: text }, text)),
      fc
        .tuple(name, value, fc.array(tie('tree'), { maxLength: 4 }))
        .map(([tag, text, inside]) => element(tag, { v: text }, inside)),
    ),
  }));
  test('together they are the whole document, whatever its names and values', () => {
    fc.assert(
      fc.property(tree, (inside) => {
        const xml = `<root>${inside}</root>`;
        const check = (span: Span) => {
          expect(xml.slice(span.start).startsWith(`<${span.name}`)).toBe(true);
          expect(xml[span.end - 1]).toBe('>');
          let at = span.contentStart;
          for (const one of span.children) {
            expect(one.start).toBeGreaterThanOrEqual(at);
            check(one);
            at = one.end;
          }
          expect(at).toBeLessThanOrEqual(span.contentEnd);
        };
        check(spanOf(xml, 'root'));
      }),
    );
  });
});

describe('edits', () => {
  test('change their places and nothing else', () => {
    const edits = [
      { start: 1, end: 2, text: 'X' },
      { start: 4, end: 4, text: 'new' },
    ];
    expect(edited('abcdef', edits)).toBe('aXcdnewef');
    expect(edited('abcdef', edits.toReversed())).toBe('aXcdnewef');
  });

  test('a removed element takes the white space before it along', () => {
    const xml = '<a>\n  <b/>\n  <c/>\n</a>';
    const [b] = spansNamed(spanOf(xml, 'a'), 'b');
    expect(edited(xml, [removal(xml, b!)])).toBe('<a>\n  <c/>\n</a>');
  });

  test('an attribute is set where it is, or added', () => {
    expect(withAttribute(`<disk type='block' device='disk'>`, 'type', 'file')).toBe(
      `<disk type="file" device='disk'>`,
    );
    expect(withAttribute('<driver name="qemu"/>', 'type', 'qcow2')).toBe(
      '<driver name="qemu" type="qcow2"/>',
    );
    expect(withAttribute('<driver subtype="x">', 'type', 'a&"<')).toBe(
      '<driver subtype="x" type="a&amp;&quot;&lt;">',
    );
    expect(withAttribute('<a b="$&"/>', 'b', '$1')).toBe('<a b="$1"/>');
  });
});
