import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

/** Tests of test/real that measure, or use what a computer has one of: none runs beside them. */
const alone = [
  'test/real/changes-elsewhere.test.ts',
  'test/real/event-loop.test.ts',
  'test/real/host-kinds.test.ts',
  'test/real/libvirt-connection.test.ts',
  'test/real/ownership.test.ts',
  'test/real/practice-user.test.ts',
];

const onRealMachines = { environment: 'node', testTimeout: 120_000, hookTimeout: 120_000 } as const;

export default defineConfig({
  test: {
    projects: [
      {
        // State classes are written with runes; here they become plain fields and getters.
        plugins: [svelte({ configFile: false })],
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/tidy.test.ts'],
          environment: 'node',
          // Nothing in them waits for real time; a busy computer may be slow all the same.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          ...onRealMachines,
          name: 'real',
          include: ['test/real/**/*.test.ts'],
          exclude: [...alone],
          // Most of their time is waiting for a QEMU; more at once waits for the processor.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...onRealMachines,
          name: 'alone',
          include: [...alone],
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
