import { AppError } from '#contract/errors.ts';
import { element } from './xml.ts';

export interface BackupDisk {
  readonly target: string;
  /** false: named as no part of it (libvirt takes every disk it is not told about). */
  readonly backup: boolean;
  /** Where QEMU keeps old blocks meanwhile; libvirt makes and removes this qcow2 file. */
  readonly scratchPath?: string;
  readonly mode?: 'full' | 'incremental';
  /** The checkpoint to compare with; needs mode 'incremental'. */
  readonly incremental?: string;
  /** NBD export name; the target's name without it. */
  readonly exportName?: string;
  /** Name under which the dirty blocks are offered ("qemu:dirty-bitmap:NAME"). */
  readonly exportBitmap?: string;
}

export interface BackupSpec {
  /** NBD over a unix socket at this path; libvirt's daemon makes it and leaves it behind. */
  readonly socketPath: string;
  readonly disks: readonly BackupDisk[];
  /** Checkpoint for every disk that does not say its own. */
  readonly incremental?: string;
}

export const maxSocketPathBytes = 107; // sockaddr_un holds 108 with the final NUL

/**
 * A pull-mode `<domainbackup>` (libvirt.org/formatbackup.html) with an NBD server on a unix socket.
 * @throws `socket-path-too-long` before libvirt would.
 */
export function domainBackupXml(spec: BackupSpec): string {
  if (Buffer.byteLength(spec.socketPath) > maxSocketPathBytes) {
    throw new AppError(
      'socket-path-too-long',
      `A socket path may have ${maxSocketPathBytes} bytes, this one is longer: ${spec.socketPath}`,
      { path: spec.socketPath, maxBytes: maxSocketPathBytes },
    );
  }
  const disks = spec.disks.map((disk) => {
    if (!disk.backup) return element('disk', { name: disk.target, backup: 'no' });
    const attributes = {
      name: disk.target,
      backup: 'yes',
      type: 'file',
      backupmode: disk.mode,
      incremental: disk.mode === 'full' ? undefined : disk.incremental,
      exportname: disk.exportName,
      exportbitmap: disk.exportBitmap,
    };
    const scratch =
      disk.scratchPath === undefined ? [] : [element('scratch', { file: disk.scratchPath })];
    return element('disk', attributes, scratch);
  });
  const incremental =
    spec.incremental === undefined ? [] : [element('incremental', {}, spec.incremental)];
  return element('domainbackup', { mode: 'pull' }, [
    ...incremental,
    element('server', { transport: 'unix', socket: spec.socketPath }),
    element('disks', {}, disks),
  ]);
}
