/** Ourselves, through the command line, as anybody would use it. */
import { readFileSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Contender, Place, Work } from './contender.ts';
import type { Command } from './measure.ts';
import { mainPath } from './program.ts';
import { ourName } from './table.ts';

const loopDelay = join(import.meta.dirname, 'loop-delay.ts');
const uncheckedPath = join(import.meta.dirname, 'unchecked.ts');

export interface LoopDelay {
  readonly maxMs: number;
  readonly p99Ms: number;
}

export interface Ours extends Contender {
  /** How long our event loop was blocked, per work done so far. */
  readonly loopDelays: ReadonlyMap<Work, LoopDelay>;
  /** What our own JSON said of each work. */
  readonly answers: ReadonlyMap<Work, unknown>;
  /** The restore without reading back, which the program itself does not offer. */
  unchecked(): Promise<Command>;
  afterUnchecked(): Promise<void>;
}

export function waymark(
  place: Place,
  machine: string,
  run: (command: Command) => Promise<unknown>,
  check: (image: string) => Promise<void>,
  options: { readonly name?: string; readonly profile?: string } = {},
): Ours {
  const { name = 'waymark', profile = '' } = options;
  const folder = join(place.folder, name);
  const repository = join(folder, 'repository');
  const passwordFile = join(folder, 'password');
  const image = join(folder, 'restored.raw');
  const loopFile = join(folder, 'loop.json');
  const loopDelays = new Map<Work, LoopDelay>();
  const answers = new Map<Work, unknown>();
  let point = '';
  const waymark = (...args: readonly string[]): Command => ({
    program: process.execPath,
    args: [
      ...(profile === '' ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]),
      ...['--import', loopDelay, mainPath, ...args, '--data', join(folder, 'data'), '--json'],
    ],
    env: { BENCH_LOOP_FILE: loopFile, HOME: folder },
  });
  return {
    name: ourName,
    reads: 'running machine',
    repository,
    loopDelays,
    answers,
    prepare: async () => {
      await place.makeFolder(folder);
      await writeFile(passwordFile, 'correct horse battery staple\n', { mode: 0o644 });
      const secrets = ['--password-file', passwordFile, '--recovery-file', join(folder, 'code')];
      await run(waymark('repository', 'create', 'bench', repository, ...secrets));
      await run(waymark('host', 'add', 'bench', place.uri));
    },
    command: async (work) => {
      if (work !== 'restore') return waymark('backup', machine, '--to', 'bench');
      return waymark('restore', point, '--disk', 'vda', '--image', image, '--format', 'raw');
    },
    unchecked: async () => {
      const folderOfIndex = join(folder, 'data/index');
      const index = (await readdir(folderOfIndex)).find((name) => name.endsWith('.db')) ?? '';
      const args = [repository, passwordFile, join(folderOfIndex, index), point, image];
      return { program: process.execPath, args: [uncheckedPath, ...args] };
    },
    afterUnchecked: async () => {
      await check(image);
      await rm(image);
    },
    after: async (work, stdout) => {
      const answer: unknown = JSON.parse(stdout);
      answers.set(work, answer);
      loopDelays.set(work, JSON.parse(readFileSync(loopFile, 'utf8')) as LoopDelay);
      if (work !== 'restore') point = (answer as { point: { id: string } }).point.id;
      else {
        await check(image);
        await rm(image);
      }
    },
  };
}
