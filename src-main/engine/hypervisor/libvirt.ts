/**
 * A libvirt host as a Hypervisor: one connection for queries, events and transfers. Open another
 * one for each job: libvirtd serves five calls at a time per client, and waiting for a machine's
 * lock or a guest agent can hold one of them for 30 s.
 *
 * Promises: see hypervisor.ts. Does not: reach other computers yet, or keep anything it has read.
 */
import { currentUser, type CurrentUser } from '#engine/world/user.ts';
import type { World } from '#engine/world/world.ts';
import { backupCalls } from './backup-jobs.ts';
import { blockJobCalls } from './block-jobs.ts';
import { checkpointCalls } from './checkpoints.ts';
import type { HostKind, Hypervisor, HypervisorInfo } from './hypervisor.ts';
import { Link } from './link.ts';
import { machineCalls } from './machines.ts';
import { procedures } from './procedures.ts';
import { readQemuUser } from './qemu-user.ts';
import { savedMemoryCalls } from './saved-memory.ts';
import { takeScreenshot } from './screenshot.ts';
import { snapshotCalls } from './snapshots.ts';
import { parseLibvirtUri } from './uri.ts';
import { volumeCalls } from './volumes.ts';

/** Above the 30 s that libvirt itself waits for a machine's lock. */
export const defaultCallTimeoutMs = 60_000;

export interface LibvirtOptions {
  /** Connect again, with back-off, when the daemon goes away. Default true. */
  readonly reconnect?: boolean;
  /** How long one call may take, in milliseconds. Default 60,000. */
  readonly callTimeoutMs?: number;
  /** Start the session daemon when nothing answers. Default true. */
  readonly autostart?: boolean;
  /** Where this user's session daemon lives; found by itself. */
  readonly user?: CurrentUser;
}

/**
 * Connects: `qemu:///system`, `qemu:///session`, either with `?socket=PATH`.
 * @throws `libvirt-not-installed`, `libvirt-not-running`, `libvirt-permission`, `host-unreachable`,
 * `socket-path-too-long` (each with data.advice), `unsupported`, `invalid-input`.
 */
export async function openLibvirt(
  uri: string,
  world: World,
  options: LibvirtOptions = {},
): Promise<Hypervisor> {
  const link = new Link(parseLibvirtUri(uri), world, {
    reconnect: options.reconnect ?? true,
    callTimeoutMs: options.callTimeoutMs ?? defaultCallTimeoutMs,
    autostart: options.autostart ?? true,
    user: options.user ?? currentUser(),
  });
  await link.connect();
  return {
    uri,
    info: () => readInfo(link),
    qemuUser: () => readQemuUser(link),
    screenshot: (uuid) => takeScreenshot(link, uuid),
    on: (listener) => link.on(listener),
    close: () => link.close(),
    ...machineCalls(link),
    ...savedMemoryCalls(link),
    ...snapshotCalls(link),
    ...checkpointCalls(link),
    ...backupCalls(link),
    ...blockJobCalls(link),
    ...volumeCalls(link),
  };
}

async function readInfo(link: Link): Promise<HypervisorInfo> {
  const [library, hypervisor, { hostname }, kind] = await Promise.all([
    link.call(procedures.connectGetLibVersion, null),
    link.call(procedures.connectGetVersion, null),
    link.call(procedures.connectGetHostname, null),
    hostKind(link),
  ]);
  return {
    libvirtVersion: versionText(library.version),
    hypervisorVersion: versionText(hypervisor.version),
    hostname,
    readOnly: link.readOnly,
    kind,
  };
}

/** libvirt packs 9.0.0 as 9000000. */
function versionText(packed: number): string {
  const parts = [Math.floor(packed / 1e6), Math.floor(packed / 1e3) % 1e3, packed % 1e3];
  return parts.join('.');
}

/** A session address can still lead to the system daemon: for root it always does. */
async function hostKind(link: Link): Promise<HostKind> {
  const { address, world } = link.place;
  const asRoot = world.processes.uid === 0;
  if (address.daemon === 'session') {
    if (address.socketPath === null) return asRoot ? 'system-root' : 'session';
    const owner = (await world.files.stat(link.socketPath))?.uid;
    if (owner !== 0) return 'session';
  }
  return asRoot ? 'system-root' : 'system-user';
}
