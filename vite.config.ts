/**
 * Five entries, one `vite build --app`: the interface, the preload (one CommonJS file, for it runs
 * sandboxed), Electron's main, the command line, and the store's worker. Installed copies run these
 * bundles, because Node refuses TypeScript below node_modules. better-sqlite3 stays outside: it
 * carries a native module; everything else is bundled, so that an installed copy needs only that.
 */
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type EnvironmentOptions } from 'vite';

const root = import.meta.dirname;
const nodeTarget = 'node24';
const builtins = builtinModules.flatMap((name) => [name, `node:${name}`]);
const external = [...builtins, 'electron', 'better-sqlite3', 'bufferutil', 'utf-8-validate'];

/** A bundle that Node (or Electron as Node) runs. */
function nodeBundle(
  outDir: string,
  input: Readonly<Record<string, string>>,
  format: 'es' | 'cjs',
): EnvironmentOptions {
  return {
    consumer: 'server',
    resolve: { external, noExternal: true, conditions: ['node', 'import', 'default'] },
    build: {
      outDir: join(root, outDir),
      emptyOutDir: true,
      target: nodeTarget,
      minify: false, // a stack in a log should be readable
      sourcemap: false,
      ssr: true,
      rolldownOptions: {
        input: Object.fromEntries(
          Object.entries(input).map(([name, path]) => [name, join(root, path)]),
        ),
        external,
        output: {
          format,
          entryFileNames: format === 'cjs' ? '[name].cjs' : '[name].js',
          chunkFileNames: 'chunks/[name]-[hash].js',
        },
      },
    },
  };
}

export default defineConfig({
  root: join(root, 'src-renderer'),
  base: '/',
  publicDir: false,
  plugins: [svelte({ configFile: false })],
  environments: {
    client: {
      build: {
        outDir: join(root, 'dist/renderer'),
        emptyOutDir: true,
        target: 'chrome140',
        chunkSizeWarningLimit: 1000, // kB; read from the disk, never over a network
        assetsInlineLimit: 0, // the content policy forbids data: for all but pictures
        modulePreload: { polyfill: false }, // the polyfill would be an inline script
        rolldownOptions: { input: join(root, 'src-renderer/index.html') },
      },
    },
    preload: nodeBundle('dist/preload', { preload: 'src-main/host/electron/preload.ts' }, 'cjs'),
    main: nodeBundle(
      'dist/main',
      {
        main: 'src-main/host/electron/main.ts',
        'block-worker': 'src-main/engine/store/block-worker.ts',
      },
      'es',
    ),
    node: nodeBundle(
      'dist/node',
      {
        main: 'src-main/host/node/main.ts',
        'block-worker': 'src-main/engine/store/block-worker.ts',
      },
      'es',
    ),
  },
  builder: {
    sharedConfigBuild: true,
    buildApp: async (builder) => {
      const only = process.env['WAYMARK_BUILD_ONLY'];
      for (const [name, environment] of Object.entries(builder.environments)) {
        if (name === 'ssr') continue; // Vite's own, unused
        if (only === undefined || only === name) await builder.build(environment);
      }
    },
  },
});
