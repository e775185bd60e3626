import { describe, expect, test } from 'vitest';
import { deadExports, deadFiles, forbiddenImports } from '../../tidy/imports.ts';
import { parseSource } from '../../tidy/source.ts';

const complaints = (path: string, text: string) => forbiddenImports([parseSource(path, text)]);

describe('the table of rooms', () => {
  test.each([
    ['src-main/contract/domain.ts', `import { join } from 'node:path';`],
    ['src-main/engine/nbd/client.ts', `import { x } from '#engine/hypervisor/hypervisor.ts';`],
    ['src-main/engine/nbd/client.ts', `import { x } from '#contract/domain.ts';`],
    ['src-main/engine/store/pack.ts', `import { x } from '#engine/catalog/points.ts';`],
    ['src-main/engine/backup/run.ts', `import { x } from '../restore/plan.ts';`],
    ['src-main/engine/backup/run.ts', `import { readFile } from 'node:fs/promises';`],
    ['src-main/engine/jobs/queue.ts', `const x = await import('#engine/backup/run.ts');`],
    ['src-main/engine/practice/practice.ts', `import { spawn } from 'node:child_process';`],
    ['src-main/host/dispatcher.ts', `import { createEngine } from '#engine/engine.ts';`],
    ['src-main/host/node/main.ts', `import { x } from '#engine/store/repository.ts';`],
    ['src-main/host/node/main.ts', `import { app } from 'electron';`],
    ['src-main/host/electron/preload.ts', `import { join } from 'node:path';`],
    [
      'src-renderer/ui/Button.svelte',
      `<script>import { x } from '../state/jobs.svelte.ts';</script>`,
    ],
    [
      'src-renderer/views/machine/A.svelte',
      `<script>import B from '../restore/B.svelte';</script>`,
    ],
    ['src-renderer/views/machine/a.ts', `import { contract } from '#contract/contract.ts';`],
    ['src-main/engine/engine.ts', `import { x } from '../../test/fakes/clock.ts';`],
    ['src-main/unknown/x.ts', ``],
  ])('%s may not say %s', (path, text) => {
    expect(complaints(path, text)).toHaveLength(1);
  });

  test.each([
    ['src-main/contract/contract.ts', `import * as v from 'valibot';`],
    ['src-main/engine/nbd/client.ts', `import { AppError } from '#contract/errors.ts';`],
    ['src-main/engine/nbd/client.ts', `import { connect } from 'node:net';`],
    ['src-main/engine/backup/run.ts', `import { connectNbd } from '#engine/nbd/client.ts';`],
    ['src-main/engine/engine.ts', `import { run } from './backup/run.ts';`],
    ['src-main/host/node/main.ts', `import { createEngine } from '#engine/engine.ts';`],
    ['src-renderer/views/machine/a.ts', `import type { Machine } from '#contract/domain.ts';`],
    ['src-renderer/views/machine/A.svelte', `<script>import B from './B.svelte';</script>`],
    ['playwright.config.ts', `import { x } from './test/e2e/chromium.ts';`],
    ['test/real/backup.test.ts', `import { spawn } from 'node:child_process';`],
  ])('%s may say %s', (path, text) => {
    expect(complaints(path, text)).toEqual([]);
  });
});

describe('what nobody uses', () => {
  const main = parseSource(
    'src-main/host/node/main.ts',
    `import { used } from '#engine/nbd/used.ts';
     const worker = new URL('./worker.ts', import.meta.url);`,
  );
  const used = parseSource(
    'src-main/engine/nbd/used.ts',
    `export const used = 1; export function unused() {} export interface Loose {}
     export interface Shape {} export const other = (): Shape => ({});
     export const limit = 5; const twice = limit * 2; export const forgotten = 6;`,
  );
  const worker = parseSource('src-main/host/node/worker.ts', '');
  const dead = parseSource('src-main/engine/nbd/dead.ts', '');
  const proof = parseSource(
    'test/unit/engine/nbd/dead.test.ts',
    `import '../../../../src-main/engine/nbd/dead.ts';
     import { other } from '#engine/nbd/used.ts';`,
  );

  test('a file only a test imports is dead; entry points, workers and tests are not', () => {
    const complaints = deadFiles([main, used, worker, dead, proof]);
    expect(complaints).toEqual([`${dead.path} is imported by nothing that runs`]);
  });

  test('an export nobody imports is found; a type of a signature is not one', () => {
    expect(deadExports([main, used, proof])).toEqual([
      `${used.path} exports unused, which nobody imports`,
      `${used.path} exports Loose, which nobody imports`,
      `${used.path} exports forgotten, which nobody imports`,
    ]);
  });
});
