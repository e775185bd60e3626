/** Words about snapshots and checkpoints on the machine page: tree, inspector, what happened. */
export const snapshots = {
  'view.label': 'Show as',
  'view.timeline': 'Timeline',
  'view.tree': 'Tree',
  'view.list': 'List',
  'view.title.timeline': 'Everything on one axis',
  'view.title.tree': 'Snapshots',
  'view.title.list': 'All points',

  'tree.of': 'Snapshots of {name}',
  'tree.count': { one: '{count} snapshot', other: '{count} snapshots' },
  'tree.name': 'Snapshot',
  'tree.contents': 'Contents',
  'tree.state': 'Machine was',
  'tree.kept': 'Kept',
  'tree.taken': 'Taken',
  'tree.memory': 'Memory',
  'tree.disks-memory': 'Disks, memory',
  'tree.disks': 'Disks',
  'tree.empty': 'No snapshots yet',
  'tree.empty-text':
    'Take one before you try something: you can go back to it, even with everything running.',
  'tree.folded': { one: '{count} snapshot folded away', other: '{count} snapshots folded away' },
  'tree.fold-all': 'Fold branches',
  'tree.unfold-all': 'Unfold branches',
  'kept.internal': 'Internal',
  'kept.external': 'External',
  'kept.mixed': 'Mixed',

  'snapshot.take': 'Take snapshot…',
  'snapshot.revert': 'Revert to this…',
  'snapshot.delete': 'Delete…',
  'snapshot.undo-point': 'Undo point',
  'snapshot.broken': 'Broken',
  'snapshot.deleting': 'Half deleted',
  'snapshot.deleting-why': 'Deleting it was begun and cut off. It can only be deleted.',
  'snapshot.cannot-revert': 'Broken',
  'snapshot.cannot-revert-text': 'It cannot be gone back to as it is.',
  'snapshot.taken': '{when}, on {host}',
  'snapshot.taken-ago': '{when}, {relative}, on {host}',
  'snapshot.picture': 'Screen of {name} when this snapshot was taken',
  'snapshot.good.memory':
    'Go back, and everything runs on from this moment. It is lost if the host is.',
  'snapshot.good.off':
    'Go back to the disks as they were when the machine was off. It is lost if the host is.',
  'snapshot.good.disks':
    'Go back to the disks of this moment; the machine then starts anew. It is lost if the host is.',
  'snapshot.good.undo':
    'Where the machine was before a revert: going back undoes that. It is lost if the host is.',
  'snapshot.memory-size': 'Memory of {size}',
  'snapshot.no-image': 'image not known',
  'snapshot.name': 'Name',

  'health.healthy': 'Healthy',
  'health.inconsistent': 'Broken',
  'health.missing': 'Gone',
  'health.unknown': 'Not known',
  'health.why.healthy': 'Its record of changes is intact',
  'health.why.inconsistent': 'QEMU was killed while it recorded: the next backup reads all',
  'health.why.missing': 'The image has no record of it: the next backup reads all',
  'health.why.unknown': 'Nobody was asked yet',
  'health.in-lane.healthy': 'Healthy',
  'health.in-lane.inconsistent': 'Broken: the next backup reads all',
  'health.in-lane.missing': 'Gone: the next backup reads all',
  'health.in-lane.unknown': 'Not known',

  'checkpoint.good.reference':
    'Reference only: it makes the next backup to {repository} small. You cannot go back to it.',
  'checkpoint.good.reference-plain':
    'Reference only: it makes the next backup small. You cannot go back to it.',
  'checkpoint.good.pending':
    'Reference only: a backup that has not ended works with it. You cannot go back to it.',
  'checkpoint.good.unused':
    'Reference only, and no backup needs it any more: the next one removes it.',
  'checkpoint.good.foreign':
    'Reference only, of another program: Waymark never touches it by itself.',
  'checkpoint.health': 'Health',
  'checkpoint.changed': 'Changed since',
  'checkpoint.changed-disk': '{target}: {size}',
  'checkpoint.changed-unknown': 'Not known now',
  'checkpoint.changed-off': 'QEMU tells only while the machine runs',
  'checkpoint.as-of': 'As of {time}',
  'checkpoint.asking': 'Asking…',
  'checkpoint.repository': 'Repository',
  'checkpoint.delete': 'Delete…',
  'checkpoint.make': 'Make a checkpoint',
  'checkpoint.doctor': 'Check bookkeeping…',
  'checkpoint.since': '{size} since {when}',
  'checkpoint.usual': '{size} of usually {usual}',

  'timeline.reverted': 'Reverted',
  'timeline.reverted-to': 'Reverted to {name}, {when}',
  'timeline.lost-revert': 'Lost by the revert, all read again',

  'revert.undo-line': 'Reverted to {name} {when}.',
  'revert.undo': 'Undo',
  'revert.undo-hint': 'Goes back to where the machine was before',
  'revert.lost-title': 'Lost by the revert to {name}',
  'revert.lost-since':
    'The state of {when} was not kept: what was written since {since} cannot be brought back.',
  'revert.lost': 'The state of {when} was not kept: what had been written cannot be brought back.',
  'revert.lost-point': 'The restore point of {when} holds its disks as they were then.',
  'revert.lost-show': 'Show restore point',
  'revert.lost-dismiss': 'Put this message away',
  'chain.title': {
    one: '{target} is read through {count} image',
    other: '{target} is read through {count} images',
  },
  'chain.text':
    'Each external snapshot adds one: reading gets slower, and libvirt may refuse more.',
  'chain.merge': 'Merge the oldest…',
} as const;
