/**
 * A system libvirtd for one test file, started by us and ended by its process id, on the computer's
 * own paths. Where one runs already (a developer's computer) it is left alone and the test skips.
 */
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLibvirt } from '#engine/hypervisor/libvirt.ts';
import type { Child } from '#engine/world/processes.ts';
import { realWorld } from '#engine/world/world.ts';

const world = realWorld();
const startLimitMs = 20_000;

const loggerSocket = '/run/libvirt/virtlogd-sock';
export const systemUri = 'qemu:///system';

/** Why there can be no system libvirtd of our own here, or null. */
export function whyNoSystemLibvirtd(): string | null {
  if (world.processes.uid !== 0) return 'only root can start a system libvirtd';
  if (!existsSync('/usr/sbin/libvirtd')) return 'libvirtd is not installed';
  if (existsSync('/run/libvirt/libvirt-sock') && alive('/run/libvirtd.pid')) {
    return 'a system libvirtd runs here and is left alone';
  }
  return null;
}

function alive(pidFile: string): boolean {
  if (!existsSync(pidFile)) return false;
  return world.processes.alive(Number(readFileSync(pidFile, 'utf8').trim()));
}

/**
 * Starts it with access by group libvirt, as Debian's package sets it up with systemd's sockets.
 */
export async function startSystemLibvirtd(): Promise<{ stop(): Promise<void> }> {
  const folder = await world.files.makeTemporaryFolder(join(tmpdir(), 'wm-s-'));
  const config = `${folder}/libvirtd.conf`;
  const lines = [
    'unix_sock_group = "libvirt"',
    'unix_sock_rw_perms = "0770"',
    'auth_unix_rw = "none"',
  ];
  await world.files.writeDurable(config, Buffer.from(`${lines.join('\n')}\n`));
  // Machines of a system daemon log through virtlogd, which systemd would start.
  const logger = existsSync(loggerSocket) ? null : await world.processes.start('virtlogd', []);
  await probeWithoutKvm(folder);
  const daemon = await world.processes.start('libvirtd', ['-f', config]);
  await answering(daemon);
  return {
    stop: async () => {
      daemon.kill('SIGTERM');
      await daemon.exited;
      logger?.kill('SIGTERM');
      await logger?.exited;
      await world.files.removeTree(folder);
    },
  };
}

async function answering(daemon: Child): Promise<void> {
  const limit = performance.now() + startLimitMs;
  for (;;) {
    try {
      await (await openLibvirt(systemUri, world, { reconnect: false })).close();
      return;
    } catch (thrown) {
      if (performance.now() > limit)
        throw new Error(`No system libvirtd: ${daemon.stderr()}`, { cause: thrown });
      await sleep(100);
    }
  }
}

/**
 * Where /dev/kvm is there and does not work, libvirtd takes what it remembers of QEMU for out of
 * date and probes it again, ten times in one define (half a minute). What a daemon remembers that
 * had no KVM to probe is believed. So one with mounts of its own, without it, goes first.
 */
async function probeWithoutKvm(folder: string): Promise<void> {
  const own = await world.processes.run('unshare', ['--mount', 'true']);
  if (own.code !== 0 || !existsSync('/dev/kvm')) return; // not allowed: it is slow
  const nothing = join(folder, 'kvm');
  await world.files.writeDurable(nothing, Buffer.alloc(0)); // root's alone
  const start = 'mount --bind "$0" /dev/kvm && exec libvirtd';
  const daemon = await world.processes.start('unshare', ['--mount', 'sh', '-c', start, nothing]);
  await answering(daemon);
  await world.processes.run('virsh', ['-c', systemUri, 'domcapabilities']);
  daemon.kill('SIGTERM');
  await daemon.exited;
}

/** The number of a group, or null. */
export function groupId(name: string): number | null {
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((candidate) => candidate.startsWith(`${name}:`));
  return line === undefined ? null : Number(line.split(':')[2]);
}
