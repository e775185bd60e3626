import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { version } from '../../../src-main/host/owner/engine.ts';

test('the version a person is shown is the one of the package', () => {
  const path = join(import.meta.dirname, '../../../package.json');
  const { version: packaged } = JSON.parse(readFileSync(path, 'utf8')) as { version: string };
  expect(version).toBe(packaged);
});
