/** Whether our memory grows with the disk: the same content on a small and a large sparse disk. */
import { chown, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buildDisk, chooseFiles } from './disk.ts';
import type { BenchOptions } from './options.ts';
import { waymark } from './ours.ts';
import type { Stage } from './stage.ts';

const GiB = 1024 ** 3;
const MB = 1_000_000;

/** Markdown; the disks are gone afterwards. */
export async function compareDiskSizes(
  options: BenchOptions,
  stage: Stage,
  say: (line: string) => void,
): Promise<string> {
  const content = await chooseFiles(options.largeContentBytes);
  const lines: string[] = [];
  for (const diskBytes of [options.diskBytes, options.largeDiskBytes]) {
    const size = `${(diskBytes / GiB).toFixed(0)} GiB`;
    say(`memory with a disk of ${size} …`);
    const raw = join(stage.folder, 'sized.raw');
    await buildDisk(raw, content, diskBytes);
    await chown(raw, stage.runner.uid, stage.runner.gid);
    const name = `bench-${(diskBytes / GiB).toFixed(0)}g`;
    const machine = await stage.addMachine(name, raw);
    const ours = waymark(stage, machine.name, stage.run, () => Promise.resolve(), { name });
    await ours.prepare();
    const command = await ours.command('first');
    if (command === null) continue;
    const { peakBytes, wallSeconds } = await stage.run(command);
    lines.push(`| ${size} | ${wallSeconds.toFixed(2)} s | ${(peakBytes / MB).toFixed(0)} MB |`);
    await stage.daemon.virsh('destroy', machine.uuid);
    await rm(machine.image);
    await rm(raw);
  }
  return [
    `### Our memory by size of disk, ${(content.totalBytes / GiB).toFixed(2)} GiB of content each`,
    '',
    '| disk | first backup | peak memory |',
    '| --- | --- | --- |',
    ...lines,
  ].join('\n');
}
