import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lineOf, parseLine } from '../../../../src-renderer/text/argv.ts';

const argv = (line: string) => {
  const parsed = parseLine(line);
  return parsed.kind === 'argv' ? parsed.argv : parsed.kind;
};

describe('parseLine', () => {
  test('parts at spaces and holds quoted words together', () => {
    expect(argv('/bin/tell  --to marek "web 01" \'a b\'')).toEqual([
      ...['/bin/tell', '--to', 'marek', 'web 01', 'a b'],
    ]);
  });

  test('knows no shell: what a shell would use is only text', () => {
    expect(argv('/bin/echo $HOME *.img | rm; `id` && x > y')).toEqual([
      ...['/bin/echo', '$HOME', '*.img', '|', 'rm;', '`id`', '&&', 'x', '>', 'y'],
    ]);
  });

  test('an empty argument in quotes is one, nothing at all is none', () => {
    expect(argv("/bin/x ''")).toEqual(['/bin/x', '']);
    expect(argv('   ')).toEqual([]);
  });

  test('a backslash takes the next character, but not in single quotes', () => {
    expect(argv(String.raw`/bin/a\ b "c\"d" 'e\f'`)).toEqual(['/bin/a b', 'c"d', String.raw`e\f`]);
  });

  test.each(['/bin/x "open', "/bin/x 'open", '/bin/x \\'])('%s is not finished', (line) => {
    expect(argv(line)).toBe('open');
  });
});

test('every argument comes back from the line it is shown as', () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1 }), (args) => {
      expect(argv(lineOf(args))).toEqual(args);
    }),
  );
});
