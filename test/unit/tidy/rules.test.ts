import { expect, test } from 'vitest';
import { badLines, badName } from '../../tidy/rules.ts';
import { parseSource } from '../../tidy/source.ts';

test.each([
  ['src-main/engine/jobs/queue.ts', 'const now = Date.now();'],
  ['src-main/engine/jobs/queue.ts', 'const id = Math.random();'],
  ['src-main/engine/jobs/queue.ts', 'if (process.env.HOME) {'],
  ['src-main/host/electron/window.ts', 'ipcMain.handle("x", y);'],
  ['src-main/host/electron/main.ts', 'const window = new BrowserWindow({});'],
  ['src-main/host/electron/window.ts', 'webPreferences: { nodeIntegration: true },'],
  ['src-main/host/electron/window.ts', 'contextIsolation: false,'],
  ['src-main/host/electron/window.ts', 'enableBlinkFeatures: "X",'],
  ['src-renderer/ui/Name.svelte', '{@html name}'],
  ['src-main/engine/jobs/queue.ts', 'if (error.message.includes("locked")) {'],
  ['src-main/engine/jobs/queue.ts', 'class QueueManager {'],
  ['src-main/engine/jobs/queue.ts', 'try { x() } catch {}'],
  ['test/unit/x.test.ts', 'test.only("x", y);'],
  ['test/unit/x.test.ts', '// eslint-disable-next-line no-empty'],
  ['test/unit/x.test.ts', '// @ts-expect-error'],
  ['scripts/x.mjs', 'readFile("/work/somewhere/x")'],
])('%s may not have the line %s', (path, line) => {
  expect(badLines(path, line)).toHaveLength(1);
});

test.each([
  ['src-main/engine/world/clock.ts', 'now: () => Date.now(),'],
  ['src-main/host/electron/ipc.ts', 'ipcMain.handle("x", y);'],
  ['src-main/host/electron/window.ts', 'nodeIntegration: false, contextIsolation: true,'],
  ['src-main/engine/jobs/queue.ts', '// eslint-disable-next-line no-empty -- nothing to do'],
  ['src-main/engine/jobs/queue.ts', 'const text = error.message;'],
])('%s may have the line %s', (path, line) => {
  expect(badLines(path, line)).toEqual([]);
});

test.each([
  'src-main/engine/utils.ts',
  'src-main/engine/jobs/jobQueue.ts',
  'src-main/host/shared.ts',
])('the name %s is refused', (path) => {
  expect(badName(path)).not.toBeNull();
});

test.each([
  'src-main/engine/catalog/migrations/001-first.ts',
  'src-renderer/state/jobs.svelte.ts',
  'src-renderer/ui/Button.svelte',
  'src-renderer/App.svelte',
])('the name %s is fine', (path) => {
  expect(badName(path)).toBeNull();
});

test('the longest function and every kind of import are seen', () => {
  const source = parseSource(
    'src-renderer/ui/A.svelte',
    `<script module lang="ts">import type { A } from './a.ts';</script>
     <script lang="ts">
       import b, { type C } from './b.ts';
       function long() {
         return 1;
       }
     </script>`,
  );
  expect(source.longestFunction).toEqual({ name: 'long', lines: 3 });
  expect(source.imports).toEqual([
    { from: './a.ts', names: ['A'], typesOnly: true },
    { from: './b.ts', names: ['default', 'C'], typesOnly: false },
  ]);
});

test('a re-export is seen', () => {
  expect(parseSource('src-main/a.ts', `export { x } from './b.ts';`).reexports).toBe(true);
  expect(parseSource('src-main/a.ts', `const x = 1; export { x };`).reexports).toBe(false);
});
