import type { SkipReason } from '#contract/domain.ts';
import type { DomainDisk } from './domain-xml.ts';

/** Why a disk is no part of a backup or snapshot, or null when it is. */
export function diskSkipReason(disk: DomainDisk): SkipReason | null {
  if (disk.device === 'cdrom') return 'cdrom';
  if (disk.device === 'floppy') return 'floppy';
  if (disk.device === 'lun') return 'passthrough';
  if (disk.source === null) return 'empty';
  if (disk.readOnly) return 'read-only';
  if (disk.shareable) return 'shared';
  if (disk.sourceKind !== 'file' && disk.sourceKind !== 'block') return 'network';
  return null;
}
