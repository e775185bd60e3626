/** Words that more than one screen uses. One term per concept (product.md), sentence case. */
export const words = {
  'app.name': 'Waymark',

  'action.back': 'Back',
  'action.cancel': 'Cancel',
  'action.close': 'Close',
  'action.copy': 'Copy',
  'action.copied': 'Copied',
  'action.copy-details': 'Copy details',
  'action.delete': 'Delete',
  'action.edit': 'Edit',
  'action.retry': 'Try again',
  'action.back-up': 'Back up',
  'action.restore': 'Restore',
  'action.start': 'Start',
  'action.verify': 'Verify',

  'kind.snapshot': 'Snapshot',
  'kind.checkpoint': 'Checkpoint',
  'kind.point': 'Restore point',
  'kind.snapshots': 'Snapshots',
  'kind.checkpoints': 'Checkpoints',
  'kind.points': 'Restore points',

  'badge.snapshot': 'Revert',
  'badge.checkpoint': 'Reference only',
  'badge.point': 'Restore',

  'meaning.snapshot': 'A point on this host that you can go back to. It is lost if the host is.',
  'meaning.checkpoint':
    'A reference mark: from here on QEMU remembers which blocks change. You cannot go back to it; it makes the next backup small.',
  'meaning.point':
    'A complete copy that needs no other point: brings the machine back even if this computer is gone.',

  'protection.protected': 'Protected',
  'protection.overdue': 'Overdue',
  'protection.failing': 'Failing',
  'protection.never': 'Never',
  'protection.not-planned': 'Not planned',

  'state.running': 'Running',
  'state.paused': 'Paused',
  'state.off': 'Off',
  'state.crashed': 'Crashed',
  'state.suspended': 'Suspended',
  'state.shutting-down': 'Shutting down',
  'state.unknown': 'Unknown',

  'count.machines': { one: '{count} machine', other: '{count} machines' },
  'count.disks': { one: '{count} disk', other: '{count} disks' },
  'count.points': { one: '{count} point', other: '{count} points' },
  'count.processors': { one: '{count} processor', other: '{count} processors' },

  'consistency.crash': 'As after a power cut',
  'consistency.filesystem': 'Files consistent',
  'consistency.clean': 'Switched off cleanly',
  'consistency.unknown': 'Not known',

  'verified.not': 'Not verified',
  'verified.structure': 'Structure checked',
  'verified.data': 'Read back',
  'verified.restore': 'Restored',
  'verified.damaged': 'Damaged',

  'skip.cdrom': 'CD-ROM drives are not copied',
  'skip.floppy': 'Floppy drives are not copied',
  'skip.excluded': 'Left out by you',
  'skip.shared': 'Shared with other machines',
  'skip.read-only': 'Read-only',
  'skip.passthrough': 'A device of the host, passed through',
  'skip.network': 'On network storage that is not read yet',
  'skip.empty': 'Empty drive',

  'mode.changed-only': 'Reads only what changed',
  'mode.re-read': 'Reads everything in use',
  'mode.skip': 'Left out',
  'reason.first': 'first backup of this disk',
  'reason.reference-lost': 'the reference was lost; stores only what differs',
  'reason.resized': 'the disk was resized',
  'reason.asked': 'you asked for it',
  'reason.not-trackable': 'this format cannot remember changes',

  'severity.note': 'Note',
  'severity.problem': 'Problem',
  'severity.danger': 'Danger',
} as const;
