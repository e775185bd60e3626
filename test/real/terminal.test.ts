/** Questions at a real terminal (a pseudo terminal that `script` of util-linux makes). */
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const node = join(root, 'node_modules/.bin/node');
const driver = join(import.meta.dirname, 'terminal-driver.ts');
const missing = spawnSync('script', ['--version']).status === 0 ? null : 'script is not installed';

/** Presses the keys once the question is there; resolves with what the driver heard. */
async function heard(kind: 'confirm' | 'line', keys: string): Promise<string | undefined> {
  const command = `'${node}' '${driver}' ${kind}`;
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let out = '';
  let pressed = false;
  child.stdout.on('data', (part) => {
    out += String(part);
    if (pressed || !/Sure\?|Name: /.test(out)) return;
    pressed = true;
    child.stdin.write(keys);
  });
  await new Promise((resolve) => child.once('close', resolve));
  return /heard ([^\r\n]*)/.exec(out)?.[1];
}

test.for([
  ['confirm', 'y\r', 'true'],
  ['confirm', 'YES\r', 'true'],
  ['confirm', '\r', 'false'], // the safe answer is the one that takes no thought
  ['confirm', 'yesterday\r', 'false'],
  ['confirm', '\u0003', 'cancelled'],
  ['confirm', '\u0004', 'cancelled'],
  ['line', 'web-01\r', '"web-01"'],
  ['line', '\u0003', 'cancelled'],
] as const)('%s, answered with %j, is %s', async ([kind, keys, answer], context) => {
  if (missing !== null) context.skip(missing);
  expect(await heard(kind, keys)).toBe(answer);
});
