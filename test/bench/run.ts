/**
 * `npm run bench`: measures our backup and restore beside other tools, in one run on one computer,
 * and prints a table. Figures of different computers, or of different runs, do not compare; the
 * ratios do. Every contender begins from its own clean state, finds the disk in the page cache, and
 * its restored disk is compared byte for byte before its time counts.
 */
import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { whyNoLibvirtd } from '../real/private-libvirtd.ts';
import { scatteredChanges } from './changes.ts';
import { works, workTitles, type Contender, type Work } from './contender.ts';
import { warm } from './disk.ts';
import { compareDiskSizes } from './disk-sizes.ts';
import { folderBytes } from './measure.ts';
import { readOptions, usage, type BenchOptions } from './options.ts';
import { waymark, type Ours } from './ours.ts';
import { buildProgram } from './program.ts';
import { borg, nbdcopy, qemuImg, restic, virtnbdbackup } from './peers.ts';
import { serveShared } from './serve.ts';
import { measureStartUp } from './start-up.ts';
import { setStage, type Stage } from './stage.ts';
import { markdown, ourName, type Row } from './table.ts';

const tools = ['mke2fs', 'qemu-img', 'qemu-nbd', 'restic', 'borg', 'virtnbdbackup', 'nbdcopy'];
const say = (line: string) => process.stderr.write(`${line}\n`);

function whyNot(): string | null {
  const missing = tools.filter((tool) => {
    try {
      execFileSync('which', [tool], { stdio: 'ignore' });
      return false;
    } catch {
      return true;
    }
  });
  if (missing.length > 0) return `not installed: ${missing.join(', ')}`;
  return whyNoLibvirtd();
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const reason = whyNot();
  if (reason !== null) throw new Error(`The bench cannot run here: ${reason}.`);
  say('building our program …');
  buildProgram();
  const stage = await setStage(options, say);
  const interrupted = () => {
    void stage.end(options.keep).finally(() => process.exit(130));
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    await runAll(options, stage);
  } finally {
    await stage.end(options.keep);
    if (options.keep) say(`kept: ${stage.folder}`);
  }
}

async function runAll(options: BenchOptions, stage: Stage): Promise<void> {
  const wanted = (name: string) =>
    options.only.length === 0 || options.only.includes(name.toLowerCase());
  const withOurs = wanted(ourName);
  say('making machines …');
  const ourMachine = withOurs ? await stage.addMachine('bench-waymark', stage.rawDisk) : null;
  const peerMachine = await stage.addMachine('bench-virtnbd', stage.rawDisk);
  const place = { ...stage, qcow2Image: peerMachine.image };
  const server = await serveShared(stage, peerMachine.image);
  stage.onEnd(server.stop);
  const ours =
    ourMachine === null ? null : waymark(place, ourMachine.name, stage.run, stage.check, options);
  const peers = [
    virtnbdbackup(place, peerMachine.name, stage.check),
    restic(place, stage.run, stage.check),
    borg(place, stage.run, stage.check),
    nbdcopy(place, server.socketPath),
    qemuImg(place),
  ].filter(({ name }) => wanted(name));
  const contenders = [...(ours === null ? [] : [ours]), ...peers];
  for (const contender of contenders) await prepare(contender);
  const rows: Row[] = [];
  for (const work of works) {
    if (work === 'changed') {
      say('changing the disks …');
      const machines = [...(ourMachine === null ? [] : [ourMachine]), peerMachine];
      const changes = scatteredChanges(options.diskBytes, options.changedBytes, 'waymark');
      await stage.change(machines, changes);
    }
    for (const contender of contenders) {
      const image = contender === ours ? (ourMachine?.image ?? '') : imageOf(contender, stage);
      const row = await measureOne(stage, contender, work, image || peerMachine.image);
      if (row !== null) rows.push(row);
      if (work === 'restore' && contender === ours) rows.push(await measureUnchecked(stage, ours));
    }
  }
  const sizes = ours === null ? '' : await compareDiskSizes(options, stage, say);
  const startUp = withOurs ? await measureStartUp() : '';
  process.stdout.write(report(options, stage, rows, ours, [sizes, startUp]));
}

function imageOf({ reads }: Contender, stage: Stage): string {
  return reads === 'raw file' ? stage.rawDisk : '';
}

async function prepare(contender: Contender): Promise<void> {
  try {
    await contender.prepare();
  } catch (thrown) {
    throw new Error(`${contender.name} could not be made ready`, { cause: thrown });
  }
}

async function measureOne(
  stage: Stage,
  contender: Contender,
  work: Work,
  image: string,
): Promise<Row | null> {
  const command = await contender.command(work);
  if (command === null) return null;
  say(`${workTitles[work]}: ${contender.name} …`);
  await warm(image);
  execFileSync('sync'); // what earlier contenders wrote is not this one's to wait for
  const { repository, name, reads } = contender;
  const before = repository === null ? 0 : folderBytes(repository);
  const { stdout, ...measured } = await stage.run(command);
  const growth = repository === null ? 0 : folderBytes(repository) - before;
  say(`  ${measured.wallSeconds.toFixed(2)} s, CPU ${measured.cpuSeconds.toFixed(1)} s`);
  await contender.after?.(work, stdout);
  const growthBytes = repository === null || work === 'restore' ? null : growth;
  return { work, name, reads, ...measured, growthBytes };
}

/** Our restore again, without reading back what it wrote. */
async function measureUnchecked(stage: Stage, ours: Ours): Promise<Row> {
  const name = `${ourName}, without reading back`;
  say(`${workTitles.restore}: ${name} …`);
  execFileSync('sync');
  const { wallSeconds, cpuSeconds, peakBytes } = await stage.run(await ours.unchecked());
  await ours.afterUnchecked();
  const { reads } = ours;
  return { work: 'restore', name, reads, wallSeconds, cpuSeconds, peakBytes, growthBytes: null };
}

function report(
  options: BenchOptions,
  stage: Stage,
  rows: readonly Row[],
  ours: Ours | null,
  others: readonly string[],
): string {
  const { content } = stage;
  const [{ model } = { model: 'unknown' }] = cpus();
  const GiB = 1024 ** 3;
  const delays = [...(ours?.loopDelays ?? [])].map(
    ([work, { maxMs, p99Ms }]) =>
      `- ${workTitles[work]}: ${maxMs.toFixed(0)} ms at most, 99 % below ${p99Ms.toFixed(0)} ms`,
  );
  return [
    `# Bench of ${new Date().toISOString().slice(0, 10)}`,
    '',
    `${cpus().length} × ${model}, ${(totalmem() / GiB).toFixed(0)} GiB, Node ${process.version}.`,
    `Disk of ${(options.diskBytes / GiB).toFixed(1)} GiB with ${content.files.length} files, ` +
      `${(content.totalBytes / GiB).toFixed(2)} GiB (list ${content.digest.slice(0, 16)}), ` +
      `changes ${(options.changedBytes / 1024 ** 2).toFixed(0)} MiB in places of 64 KiB.`,
    'CPU is user and system of the whole process tree, memory its highest sum of PSS; QEMU and',
    'libvirt are in nobody’s figures. All files are in the page cache before each run.',
    '',
    markdown(rows),
    ...(delays.length === 0 ? [] : ['### Our event loop, blocked', '', ...delays, '']),
    ...others.map((text) => `${text}\n`),
    '',
  ].join('\n');
}

try {
  await main();
} catch (thrown) {
  for (let error: unknown = thrown; error instanceof Error; error = error.cause) say(error.message);
  say(usage);
  process.exitCode = 1;
}
