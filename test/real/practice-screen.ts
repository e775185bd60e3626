/** What a practice machine shows and what its disk holds, for tests. */
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import { realWorld } from '#engine/world/world.ts';
import { readPracticeLog, type PracticeLog } from './practice-log.ts';

const world = realWorld();
const screenRows = 25;
const rowBytes = 160;
const waitLimitMs = 60_000;

/** The text screen read from video memory through QEMU's monitor, one string a row. */
async function screenText(host: Hypervisor, uuid: string): Promise<readonly string[]> {
  const dump = await host.monitorCommand(uuid, `xp /${screenRows * rowBytes}xb 0xb8000`, true);
  const bytes = [...dump.matchAll(/0x([0-9a-f]{2})\b/g)].map(([, hex]) =>
    Number.parseInt(hex ?? '0', 16),
  );
  return Array.from({ length: screenRows }, (_, row) =>
    bytes
      .slice(row * rowBytes, (row + 1) * rowBytes)
      .filter((_byte, at) => at % 2 === 0)
      .map((byte) => String.fromCharCode(byte))
      .join('')
      .trim(),
  );
}

export interface PracticeScreen {
  readonly generation: number;
  readonly count: number;
  /** "LOG OK 12 records" */
  readonly log: string;
}

/** Null while it is not counting yet. */
async function readScreen(host: Hypervisor, uuid: string): Promise<PracticeScreen | null> {
  const rows = await screenText(host, uuid);
  const number = (word: string) =>
    Number(rows.find((row) => row.startsWith(word))?.slice(word.length) ?? Number.NaN);
  const log = rows.find((row) => row.startsWith('LOG ')) ?? '';
  const [generation, count] = [number('Generation'), number('Count')];
  if (rows[1] !== 'WAYMARK PRACTICE MACHINE' || log === '' || !(count > 0)) return null;
  return { generation, count, log };
}

/** Resolves when the machine shows at least this count. */
export async function countsTo(
  host: Hypervisor,
  uuid: string,
  count: number,
): Promise<PracticeScreen> {
  const limit = world.clock.monotonic() + waitLimitMs;
  while (world.clock.monotonic() < limit) {
    const screen = await readScreen(host, uuid);
    if (screen !== null && screen.count >= count) return screen;
    await world.clock.sleep(100);
  }
  throw new Error(`The practice machine did not count to ${count} within ${waitLimitMs} ms`);
}

/** The log on an image that no machine uses. */
export async function logOfImage(path: string, format = 'qcow2'): Promise<PracticeLog> {
  const raw = join(tmpdir(), `waymark-log-${world.ids.ulid()}.raw`);
  try {
    const args = ['convert', '-f', format, '-O', 'raw', '--', path, raw];
    const { code, stderr } = await world.processes.run('qemu-img', args);
    if (code !== 0) throw new Error(stderr);
    return readPracticeLog(await readFile(raw));
  } finally {
    await rm(raw, { force: true });
  }
}
