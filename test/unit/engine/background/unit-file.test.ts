import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { autostartText, isSwitchedOff, unitText } from '#engine/background/unit-file.ts';

const line = (text: string, start: string) =>
  text
    .split('\n')
    .find((one) => one.startsWith(start))
    ?.slice(start.length);

test('the unit of an installed copy is the one that is packed with it', () => {
  const packed = join(import.meta.dirname, '../../../../resources/linux/waymark.service');
  expect(unitText(['/usr/bin/waymark'], null)).toBe(readFileSync(packed, 'utf8'));
});

test.each([
  ['/opt/My Programs/waymark', '"/opt/My Programs/waymark" serve --no-open'],
  ['/opt/50%/$HOME', '"/opt/50%%/$HOME" serve --no-open'],
  ['/opt/a"b\\c$', '/usr/bin/env "/opt/a\\"b\\\\c$$" serve --no-open'],
  [
    '/opt/x\nExecStartPre=/bin/evil',
    '/usr/bin/env "/opt/x\\nExecStartPre=/bin/evil" serve --no-open',
  ],
])('systemd gets %j as one word', (program, expected) => {
  expect(line(unitText([program], null), 'ExecStart=')).toBe(expected);
});

test('it works on the data folder it was made for', () => {
  const text = unitText(
    ['/usr/bin/node', '/srv/way mark/main.ts'],
    '/home/me/.local/share/waymark',
  );
  expect(line(text, 'ExecStart=')).toBe(
    '/usr/bin/node "/srv/way mark/main.ts" serve --no-open --data /home/me/.local/share/waymark',
  );
});

test.each([
  ['/opt/My Programs/waymark', '"/opt/My Programs/waymark"'],
  ['--data=/home/me/100%', '--data=/home/me/100%%'],
  ['/a$b`c"d', '"/a\\\\$b\\\\`c\\\\"d"'],
  ['/a b\\c', '"/a b\\\\\\\\c"'],
  ['/x\nHidden=true', '"/x\\nHidden=true"'],
])('a desktop gets %j as one word', (word, expected) => {
  expect(line(autostartText([word]), 'Exec=')).toBe(expected);
});

test('an entry that a desktop switched off does not count', () => {
  const text = autostartText(['waymark-desktop']);
  expect(isSwitchedOff(text)).toBe(false);
  expect(isSwitchedOff(text.replace('enabled=true', 'enabled=false'))).toBe(true);
  expect(isSwitchedOff(`${text}Hidden=true\n`)).toBe(true);
  expect(isSwitchedOff(`${text}Hidden=false\n`)).toBe(false);
});
