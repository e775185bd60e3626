/** A repository folder for each test of a file; what a test opened is closed when it ends. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, vi } from 'vitest';
import {
  createRepository,
  openRepository,
  type StoreRepository,
} from '#engine/store/repository.ts';
import { fixture, kib, type Fixture } from '../../../fakes/store-fixture.ts';

export const block = 4 * kib;

export interface SetUp {
  /** The folder of the running test. */
  readonly at: Fixture;
  create(options?: {
    readonly password?: string;
    readonly blockSizeBytes?: number;
  }): ReturnType<typeof createRepository>;
  reopen(
    secret?: { password: string } | { masterKey: Buffer } | null,
    indexPath?: string,
  ): Promise<StoreRepository>;
  packFiles(): Promise<string[]>;
  /** Closes it when the test ends. */
  closeLater(repository: StoreRepository): void;
}

/** Call it once at the top of a test file. */
export function setUp(): SetUp {
  // A disk and worker threads on a machine that may be busy.
  vi.setConfig({ testTimeout: 60_000 });
  let current: Fixture | null = null;
  const opened: StoreRepository[] = [];
  const at = () => {
    if (current === null) throw new Error('Only while a test runs.');
    return current;
  };
  beforeEach(async () => {
    current = await fixture();
  });
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
    await at().remove();
  });
  return {
    closeLater: (repository) => {
      opened.push(repository);
    },
    get at() {
      return at();
    },
    create: async ({ password = null, blockSizeBytes = block } = {}) => {
      const { world, path, indexPath } = at();
      const scryptCost = { n: 1024, r: 8, p: 1 };
      const options = { password, blockSizeBytes, indexPath, scryptCost };
      const made = await createRepository(world, path, options);
      opened.push(made.repository);
      return made;
    },
    reopen: async (secret = null, indexPath = at().indexPath) => {
      const repository = await openRepository(at().world, at().path, secret, { indexPath });
      opened.push(repository);
      return repository;
    },
    packFiles: async () => {
      const packs = join(at().path, 'packs');
      const names = await readdir(packs, { recursive: true });
      return names.filter((name) => /[0-9a-f]{32}$/.test(name)).map((name) => join(packs, name));
    },
  };
}

/** The code a promise is rejected with, or "no error". */
export function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (thrown: unknown) => (thrown as { code: string }).code,
  );
}
