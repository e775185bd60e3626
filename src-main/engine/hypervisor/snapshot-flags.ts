/** The flags of libvirt's snapshot calls (libvirt-domain-snapshot.h), to be joined with `|`. */

/** virDomainSnapshotCreateFlags */
export const snapshotCreateFlag = {
  redefine: 1, // only the record: nothing is taken
  current: 2, // with redefine: the machine stands on it
  noMetadata: 4,
  halt: 8, // stop the machine in the same moment
  diskOnly: 16,
  reuseExternal: 32, // the overlay files are there already
  quiesce: 64, // needs diskOnly and a guest agent
  atomic: 128,
  live: 256, // external with memory: the guest runs on while it is written
} as const;

/** virDomainSnapshotRevertFlags */
export const snapshotRevertFlag = { running: 1, paused: 2, force: 4, resetNvram: 8 } as const;

/** virDomainSnapshotDeleteFlags */
export const snapshotDeleteFlag = { children: 1, metadataOnly: 2, childrenOnly: 4 } as const;
