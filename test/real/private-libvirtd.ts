/**
 * A libvirtd of a test's own: an unprivileged user's session daemon on its own XDG folders under a
 * short temporary path, beside any daemon the computer has. Root uses `libvirt-qemu` or `nobody`;
 * anybody else uses themselves. Everything it starts is stopped by process id, nothing by name.
 */
import { accessSync, constants, readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Child, RunOptions, RunResult } from '#engine/world/processes.ts';
import { realWorld } from '#engine/world/world.ts';
import { testDomainXml, type TestDisk, type TestMachineSpec } from './test-machine.ts';

const world = realWorld();
const temporaryPrefix = join(tmpdir(), 'wm-'); // short: sockets below it have 107 bytes
const startLimitMs = 30_000;
const stopLimitMs = 10_000;
const idleExitSeconds = 300; // a crashed test run leaves a daemon that ends by itself

const needed = ['libvirtd', 'virsh', 'qemu-img', 'qemu-system-x86_64'];

/** Why no private libvirtd can run here, or null. Print it when skipping. */
export function whyNoLibvirtd(): string | null {
  const folders = `${process.env['PATH'] ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`;
  const missing = needed.filter(
    (tool) => !folders.split(delimiter).some((folder) => executable(join(folder, tool))),
  );
  if (missing.length > 0) return `not installed: ${missing.join(', ')}`;
  if (world.processes.uid === 0 && unprivilegedUser() === null) return 'no unprivileged user';
  return null;
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface Identity {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

function unprivilegedUser(): Identity | null {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const wanted of ['libvirt-qemu', 'nobody']) {
    const found = users.find(([name]) => name === wanted);
    if (found !== undefined) return { name: wanted, uid: Number(found[2]), gid: Number(found[3]) };
  }
  return null;
}

export interface TestMachine {
  readonly uuid: string;
  readonly name: string;
  /** Where its images are. */
  readonly folder: string;
  readonly xml: string;
  readonly disks: readonly {
    readonly target: string;
    readonly path: string | null;
    readonly format: 'qcow2' | 'raw';
    /** For guestWrite; only virtio disks have one that works. */
    readonly alias: string;
    readonly spec: TestDisk;
  }[];
}

export interface PrivateLibvirtd {
  /** `qemu:///session?socket=…` */
  readonly uri: string;
  readonly socketPath: string;
  /** Everything of this daemon; removed by stop(). */
  readonly folder: string;
  /** Owned by the daemon's user: images, scratch files and NBD sockets may go here. */
  readonly images: string;
  readonly user: Identity;
  /** The daemon's XDG variables, for tools that must see the same session. */
  readonly environment: Readonly<Record<string, string>>;
  pid(): number;
  /** Output of virsh on this daemon; throws with its stderr when it fails. */
  virsh(...args: readonly string[]): Promise<string>;
  /** Like virsh, but a failure is a result. */
  tryVirsh(...args: readonly string[]): Promise<RunResult>;
  /** Runs a program as the daemon's user; throws when it fails. */
  runAs(program: string, args: readonly string[], options?: RunOptions): Promise<string>;
  /** Makes the images and defines a machine that needs no operating system; starts it if asked. */
  defineTestMachine(spec: TestMachineSpec): Promise<TestMachine>;
  /**
   * Writes through the device's own block backend of a running machine, as a guest would: marks
   * dirty bitmaps. `diskAlias` is "virtio-disk0" for the first disk; `pattern` one byte.
   */
  guestWrite(
    uuid: string,
    diskAlias: string,
    pattern: number,
    offset: number,
    length: number,
  ): Promise<void>;
  /** kill -9 of the daemon; machines live on. */
  kill(): Promise<void>;
  /** Starts the daemon again on the same folders. */
  restart(): Promise<void>;
  /** Ends machines and daemon and removes the folder. Idempotent. */
  stop(): Promise<void>;
}

interface Parts {
  readonly folder: string;
  readonly user: Identity;
  readonly environment: Readonly<Record<string, string>>;
  readonly socketPath: string;
  readonly uri: string;
}

export async function startPrivateLibvirtd(): Promise<PrivateLibvirtd> {
  const reason = whyNoLibvirtd();
  if (reason !== null) throw new Error(`No private libvirtd: ${reason}`);
  const parts = await makeFolders();
  const cached = await copyCapabilities(parts, 'in');
  let daemon = await startDaemon(parts);
  if (!cached) await copyCapabilities(parts, 'out');
  let stopped = false;
  const virsh = (...args: readonly string[]) => runVirsh(parts, args);
  const kill = async () => {
    daemon.kill('SIGKILL');
    await daemon.exited;
  };
  return {
    ...parts,
    images: join(parts.folder, 'img'),
    pid: () => daemon.pid,
    virsh,
    tryVirsh: (...args) => tryVirsh(parts, args),
    runAs: (program, args, options) => runAs(parts, program, args, options),
    defineTestMachine: (spec) => defineTestMachine(parts, virsh, spec),
    guestWrite: (uuid, alias, pattern, offset, length) =>
      guestWrite(virsh, uuid, alias, `write -P 0x${pattern.toString(16)} ${offset} ${length}`),
    kill,
    restart: async () => {
      daemon = await startDaemon(parts);
    },
    stop: async () => {
      if (stopped) return;
      stopped = true;
      endMachines(parts);
      daemon.kill('SIGTERM');
      const ended = await Promise.race([
        daemon.exited.then(() => true),
        sleep(stopLimitMs, false, { ref: false }),
      ]);
      if (!ended) await kill();
      await world.files.removeTree(parts.folder);
    },
  };
}

async function makeFolders(): Promise<Parts> {
  const self = { name: 'self', uid: world.processes.uid, gid: world.processes.gid };
  const user = world.processes.uid === 0 ? (unprivilegedUser() ?? self) : self;
  const folder = await world.files.makeTemporaryFolder(temporaryPrefix);
  const environment = {
    HOME: folder,
    XDG_RUNTIME_DIR: join(folder, 'r'),
    XDG_CONFIG_HOME: join(folder, 'c'),
    XDG_CACHE_HOME: join(folder, 'h'),
    XDG_DATA_HOME: join(folder, 'd'),
    DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent',
  };
  const config = join(folder, 'c', 'libvirt');
  for (const path of ['r', 'c', 'c/libvirt', 'h', 'd', 'img']) {
    await world.files.makeFolder(join(folder, path));
  }
  // No virtlogd: it would outlive the test.
  await world.files.writeDurable(
    join(config, 'qemu.conf'),
    text('stdio_handler = "file"\n'),
    0o644,
  );
  const log = `log_outputs = "3:file:${join(folder, 'libvirtd.log')}"\n`;
  await world.files.writeDurable(join(config, 'libvirtd.conf'), text(log), 0o644);
  if (world.processes.uid === 0) {
    for (const path of ['', 'r', 'c', 'c/libvirt', 'h', 'd', 'img']) {
      await world.files.chown(join(folder, path), user.uid, user.gid);
    }
    await world.files.chmod(folder, 0o711);
    await world.files.chmod(join(folder, 'img'), 0o755);
  }
  const socketPath = join(folder, 'r', 'libvirt', 'libvirt-sock');
  return { folder, user, environment, socketPath, uri: `qemu:///session?socket=${socketPath}` };
}

const text = (value: string) => Buffer.from(value);
const maxCapabilityBytes = 4 * 1024 * 1024;

/**
 * Asking QEMU what it can do takes libvirt 8 s, and it keeps the answer; so do we, between daemons.
 * libvirt checks by itself whether an answer still fits the QEMU and libvirt it finds. True when
 * there was something to copy.
 */
async function copyCapabilities(parts: Parts, direction: 'in' | 'out'): Promise<boolean> {
  const { files } = world;
  const root = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'waymark-tests');
  const kept = join(root, `qemu-capabilities-${parts.user.uid}`);
  const theirs = join(parts.folder, 'h', 'libvirt', 'qemu', 'cache', 'capabilities');
  const [from, to] = direction === 'in' ? [kept, theirs] : [theirs, kept];
  if ((await files.stat(from)) === null) return false;
  await files.makeFolder(to);
  for (const name of (await files.list(from)).filter((entry) => entry.endsWith('.xml'))) {
    const path = join(to, name);
    const content = await files.read(join(from, name), maxCapabilityBytes);
    await files.writeDurable(path, content, 0o600);
    if (direction === 'in') await giveTo(parts, path);
  }
  if (direction === 'in') {
    for (const path of ['', '/qemu', '/qemu/cache', '/qemu/cache/capabilities']) {
      await giveTo(parts, join(parts.folder, `h/libvirt${path}`));
    }
  }
  return true;
}

async function giveTo(parts: Parts, path: string): Promise<void> {
  if (world.processes.uid === 0) {
    await world.files.chown(path, parts.user.uid, parts.user.gid);
  }
}

function asUser(parts: Parts) {
  return world.processes.uid === 0 ? { as: { uid: parts.user.uid, gid: parts.user.gid } } : {};
}

async function startDaemon(parts: Parts): Promise<Child> {
  const daemon = await world.processes.start('libvirtd', ['--timeout', String(idleExitSeconds)], {
    env: parts.environment,
    folder: parts.folder,
    ...asUser(parts),
  });
  const ended = daemon.exited.then((code) => code ?? -1);
  const deadline = performance.now() + startLimitMs;
  for (;;) {
    const answer = await tryVirsh(parts, ['version']);
    if (answer.code === 0) return daemon;
    const code = await Promise.race([ended, sleep(50, null)]);
    if (code !== null) throw new Error(`libvirtd ended with ${code}: ${daemon.stderr()}`);
    if (performance.now() > deadline) {
      daemon.kill('SIGKILL');
      throw new Error(`libvirtd did not answer: ${answer.stderr} ${daemon.stderr()}`);
    }
  }
}

function tryVirsh(parts: Parts, args: readonly string[]): Promise<RunResult> {
  return world.processes.run('virsh', ['-q', '-c', parts.uri, ...args], {
    env: parts.environment,
    folder: parts.folder,
  });
}

async function runVirsh(parts: Parts, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await tryVirsh(parts, args);
  if (code !== 0) throw new Error(`virsh ${args.join(' ')}: ${stderr.trim()}`);
  return stdout;
}

async function runAs(
  parts: Parts,
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await world.processes.run(program, args, {
    folder: parts.folder,
    ...asUser(parts),
    ...options,
    env: { ...parts.environment, ...options.env },
  });
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr.trim()}`);
  return stdout;
}

type Virsh = (...args: readonly string[]) => Promise<string>;

async function defineTestMachine(
  parts: Parts,
  virsh: Virsh,
  spec: TestMachineSpec,
): Promise<TestMachine> {
  const uuid = spec.uuid ?? world.ids.uuid();
  const folder = join(parts.folder, 'img', uuid.slice(0, 8));
  await world.files.makeFolder(folder, 0o755);
  if (world.processes.uid === 0) await world.files.chown(folder, parts.user.uid, parts.user.gid);
  const { xml, disks } = testDomainXml(spec, uuid, folder);
  for (const disk of disks) {
    if (disk.spec.path !== undefined || disk.path === null) continue;
    const options = disk.spec.createOptions === undefined ? [] : ['-o', disk.spec.createOptions];
    const size = String(disk.spec.sizeBytes);
    const args = ['create', '-q', '-f', disk.format, ...options, disk.path, size];
    await runAs(parts, 'qemu-img', args);
  }
  const file = join(folder, 'domain.xml');
  await world.files.writeDurable(file, text(xml), 0o644);
  await virsh('define', file);
  if (spec.start !== undefined && spec.start !== false) {
    await virsh('start', uuid, ...(spec.start === 'paused' ? ['--paused'] : []));
  }
  return { uuid, name: spec.name, folder, xml, disks };
}

async function guestWrite(
  virsh: Virsh,
  uuid: string,
  alias: string,
  command: string,
): Promise<void> {
  const device = `/machine/peripheral/${alias}/virtio-backend`;
  const line = `qemu-io -d ${device} "${command}"`;
  const answer = (await virsh('qemu-monitor-command', uuid, '--hmp', line)).trim();
  if (answer !== '') throw new Error(`qemu-io ${command}: ${answer}`); // silence is success
}

/** The daemon may be gone, so this goes by the process ids libvirt wrote down. */
function endMachines(parts: Parts): void {
  const run = join(parts.folder, 'r', 'libvirt', 'qemu', 'run');
  let names: string[];
  try {
    names = readdirSync(run);
  } catch {
    return; // no machine was ever started
  }
  for (const name of names.filter((entry) => entry.endsWith('.pid'))) {
    const pid = Number(readFileSync(join(run, name), 'utf8').trim());
    if (Number.isInteger(pid) && pid > 1) world.processes.kill(pid, 'SIGKILL');
  }
}
