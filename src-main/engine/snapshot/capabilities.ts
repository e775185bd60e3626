/**
 * What a libvirt of some version can do with snapshots, and what this process may do to files. Each
 * line names the row of the facts it comes from (A: checkpoints and snapshots, B: snapshots).
 */
import type { MachineFacts, VersionNumber } from '#engine/interlock/facts.ts';

const since = (major: number, minor: number): VersionNumber => major * 1_000_000 + minor * 1000;

type Host = Pick<MachineFacts['host'], 'libvirt'>;

/** B2: external snapshots can be deleted at all. */
export const deletesExternal = ({ libvirt }: Host) => libvirt >= since(9, 0);

/** B3: deleting an external snapshot leaves its memory file behind. */
export const forgetsMemoryFile = ({ libvirt }: Host) => libvirt < since(9, 1);

/** B1: libvirt itself goes back to external snapshots. */
export const revertsExternal = ({ libvirt }: Host) => libvirt >= since(9, 9);

/**
 * B1: from 9.9 to 10.9 libvirt goes back to external snapshots, but not to one of the disks of a
 * running machine ("Invalid target domain state 'disk-snapshot'").
 */
export const revertsLiveDisks = ({ libvirt }: Host) => libvirt >= since(10, 10);

/** B2: libvirt finds the chain of a stopped machine's disks when it deletes below the newest. */
export const deletesBelowWhileOff = ({ libvirt }: Host) => libvirt >= since(9, 9);

/** A5: internal snapshots of a stopped machine that has checkpoints. */
export const internalOffWithCheckpoints = ({ libvirt }: Host) => libvirt >= since(11, 3);

/**
 * B6: internal snapshots beside pflash firmware whose variables are qcow2. libvirt 10.9 takes them
 * but can neither go back to nor delete them on a stopped machine; 10.10 can.
 */
export const internalWithPflash = ({ libvirt }: Host) => libvirt >= since(10, 10);

/** B7: going back to internal snapshots is broken; 11.3 is mended in some distributions. */
export function internalRevert({ libvirt }: Host): 'works' | 'broken' | 'doubtful' {
  if (libvirt < since(11, 2) || libvirt >= since(11, 4)) return 'works';
  return libvirt < since(11, 3) ? 'broken' : 'doubtful';
}

/** B15: a machine with more than about 25 external snapshots may fail to start. */
export const failsToStartDeep = ({ libvirt }: Host) =>
  libvirt >= since(11, 0) && libvirt < since(12, 0);

/** B16: overlays of a stopped machine are made readable by every user of the host. */
export const makesOpenOverlays = ({ libvirt }: Host) => libvirt < since(11, 10);

/**
 * Whether this process may make, protect and remove files beside the images. A user of a system
 * host may not, unless the images are his.
 */
export function mayChangeFiles({ host, disks }: Pick<MachineFacts, 'host' | 'disks'>): boolean {
  if (host.kind !== 'system-user') return true;
  const images = disks.flatMap(({ chain }) => chain.slice(0, 1));
  return images.length > 0 && images.every(({ writable }) => writable);
}
