/**
 * The procedures Waymark calls, with their numbers and shapes, as in libvirt's remote_protocol.x
 * and qemu_protocol.x. Neither changes once released (libvirt promises it), so they hold for every
 * daemon since the version that brought a procedure.
 */
import { typedParameters } from './typed-parameters.ts';
import {
  fixed,
  flag,
  hyper,
  int,
  list,
  nothing,
  optional,
  string,
  struct,
  uhyper,
  uint,
  type Codec,
} from './xdr.ts';

export const remoteProgram = 0x20008086;
export const qemuProgram = 0x20008087;
export const keepaliveProgram = 0x6b656570; // "keep"
export const programVersion = 1;

export const keepaliveProcedure = { ping: 1, pong: 2 } as const;

// Limits of remote_protocol.x, as counts.
const maxObjects = 16_384;
const maxAuthTypes = 20;
const maxJobStats = 64;
const maxMountpoints = 256;

export interface Procedure<A, R> {
  readonly name: string; // libvirt's, for errors
  readonly program: number;
  readonly number: number;
  readonly args: Codec<A>;
  readonly result: Codec<R>;
}

function remote<A, R>(
  name: string,
  number: number,
  args: Codec<A>,
  result: Codec<R>,
): Procedure<A, R> {
  return { name, program: remoteProgram, number, args, result };
}

const uuid = fixed(16);
export const domainRef = struct({ name: string, uuid, id: int });
export type DomainRef = Readonly<{ name: string; uuid: Buffer; id: number }>;
const snapshotRef = struct({ name: string, dom: domainRef });
const checkpointRef = struct({ name: string, dom: domainRef });
const poolRef = struct({ name: string, uuid });
const volumeRef = struct({ pool: string, name: string, key: string });
export type VolumeRef = Readonly<{ pool: string; name: string; key: string }>;

const dom = struct({ dom: domainRef });
const domFlags = struct({ dom: domainRef, flags: uint });
const domXml = struct({ dom: domainRef, xml: string, flags: uint });
const domDisk = struct({ dom: domainRef, disk: string, flags: uint });
const snapFlags = struct({ snap: snapshotRef, flags: uint });
const checkFlags = struct({ checkpoint: checkpointRef, flags: uint });
const domList = struct({ dom: domainRef, needResults: flag, flags: uint });
const xml = struct({ xml: string });
const mountpoints = struct({
  dom: domainRef,
  mountpoints: list(string, maxMountpoints),
  flags: uint,
});
const filesystems = struct({ filesystems: int });
const transfer = struct({ vol: volumeRef, offset: uhyper, length: uhyper, flags: uint });

export const procedures = {
  connectOpen: remote(
    'virConnectOpen',
    1,
    struct({ name: optional(string), flags: uint }),
    nothing,
  ),
  connectClose: remote('virConnectClose', 2, nothing, nothing),
  connectGetVersion: remote('virConnectGetVersion', 4, nothing, struct({ version: uhyper })),
  connectGetCapabilities: remote(
    'virConnectGetCapabilities',
    7,
    nothing,
    struct({ capabilities: string }),
  ),
  connectGetHostname: remote('virConnectGetHostname', 59, nothing, struct({ hostname: string })),
  authList: remote('authList', 66, nothing, struct({ types: list(int, maxAuthTypes) })),
  authPolkit: remote('authPolkit', 70, nothing, struct({ complete: int })),
  connectGetLibVersion: remote(
    'virConnectGetLibVersion',
    157,
    nothing,
    struct({ version: uhyper }),
  ),
  connectListAllDomains: remote(
    'virConnectListAllDomains',
    273,
    struct({ needResults: flag, flags: uint }),
    struct({ domains: list(domainRef, maxObjects), count: uint }),
  ),
  connectListAllPools: remote(
    'virConnectListAllStoragePools',
    281,
    struct({ needResults: flag, flags: uint }),
    struct({ pools: list(poolRef, maxObjects), count: uint }),
  ),
  eventRegister: remote(
    'virConnectDomainEventRegisterAny',
    316,
    struct({ eventId: int, dom: optional(domainRef) }),
    struct({ callbackId: int }),
  ),

  domainGetXml: remote('virDomainGetXMLDesc', 14, domFlags, xml),
  domainResume: remote('virDomainResume', 28, dom, nothing),
  domainShutdown: remote('virDomainShutdown', 33, dom, nothing),
  domainSuspend: remote('virDomainSuspend', 34, dom, nothing),
  domainBlockStats: remote(
    'virDomainBlockStats',
    64,
    struct({ dom: domainRef, path: string }),
    struct({
      readRequests: hyper,
      read: hyper,
      writeRequests: hyper,
      written: hyper,
      errors: hyper,
    }),
  ),
  domainRemoveManagedSave: remote('virDomainManagedSaveRemove', 184, domFlags, nothing),
  domainAbortJob: remote('virDomainAbortJob', 164, dom, nothing),
  domainHasManagedSave: remote(
    'virDomainHasManagedSaveImage',
    183,
    domFlags,
    struct({ result: int }),
  ),
  domainGetBlockInfo: remote(
    'virDomainGetBlockInfo',
    194,
    struct({ dom: domainRef, path: string, flags: uint }),
    struct({ allocation: uhyper, capacity: uhyper, physical: uhyper }),
  ),
  domainCreate: remote('virDomainCreateWithFlags', 196, domFlags, dom),
  domainScreenshot: remote(
    'virDomainScreenshot',
    211,
    struct({ dom: domainRef, screen: uint, flags: uint }),
    struct({ mime: optional(string) }),
  ),
  domainGetState: remote('virDomainGetState', 212, domFlags, struct({ state: int, reason: int })),
  domainUndefine: remote('virDomainUndefineFlags', 231, domFlags, nothing),
  domainRestore: remote(
    'virDomainRestoreFlags',
    233,
    struct({ from: string, xml: optional(string), flags: uint }),
    nothing,
  ),
  domainDestroy: remote('virDomainDestroyFlags', 234, domFlags, nothing),
  savedImageGetXml: remote(
    'virDomainSaveImageGetXMLDesc',
    235,
    struct({ file: string, flags: uint }),
    xml,
  ),
  domainGetJobStats: remote(
    'virDomainGetJobStats',
    298,
    domFlags,
    struct({ type: int, params: typedParameters(maxJobStats) }),
  ),
  domainFreeze: remote('virDomainFSFreeze', 335, mountpoints, filesystems),
  domainThaw: remote('virDomainFSThaw', 336, mountpoints, filesystems),
  domainDefine: remote('virDomainDefineXMLFlags', 350, struct({ xml: string, flags: uint }), dom),
  domainSetBlockThreshold: remote(
    'virDomainSetBlockThreshold',
    386,
    struct({ dom: domainRef, device: string, threshold: uhyper, flags: uint }),
    nothing,
  ),
  backupBegin: remote(
    'virDomainBackupBegin',
    421,
    struct({ dom: domainRef, backup: string, checkpoint: optional(string), flags: uint }),
    nothing,
  ),
  backupGetXml: remote('virDomainBackupGetXMLDesc', 422, domFlags, xml),

  snapshotCreate: remote('virDomainSnapshotCreateXML', 185, domXml, struct({ snap: snapshotRef })),
  snapshotGetXml: remote('virDomainSnapshotGetXMLDesc', 186, snapFlags, xml),
  snapshotRevert: remote('virDomainRevertToSnapshot', 192, snapFlags, nothing),
  snapshotDelete: remote('virDomainSnapshotDelete', 193, snapFlags, nothing),
  snapshotCurrent: remote('virDomainSnapshotCurrent', 191, domFlags, struct({ snap: snapshotRef })),
  snapshotList: remote(
    'virDomainListAllSnapshots',
    274,
    domList,
    struct({ snapshots: list(snapshotRef, maxObjects), count: int }),
  ),

  blockJobAbort: remote('virDomainBlockJobAbort', 237, domDisk, nothing),
  blockJobInfo: remote(
    'virDomainGetBlockJobInfo',
    238,
    domDisk,
    struct({ found: int, type: int, bandwidth: uhyper, cur: uhyper, end: uhyper }),
  ),
  blockRebase: remote(
    'virDomainBlockRebase',
    266,
    struct({
      dom: domainRef,
      disk: string,
      base: optional(string),
      bandwidth: uhyper,
      flags: uint,
    }),
    nothing,
  ),
  blockCommit: remote(
    'virDomainBlockCommit',
    290,
    struct({
      dom: domainRef,
      disk: string,
      base: optional(string),
      top: optional(string),
      bandwidth: uhyper,
      flags: uint,
    }),
    nothing,
  ),

  checkpointCreate: remote(
    'virDomainCheckpointCreateXML',
    411,
    domXml,
    struct({ checkpoint: checkpointRef }),
  ),
  checkpointGetXml: remote('virDomainCheckpointGetXMLDesc', 412, checkFlags, xml),
  checkpointList: remote(
    'virDomainListAllCheckpoints',
    413,
    domList,
    struct({ checkpoints: list(checkpointRef, maxObjects), count: int }),
  ),
  checkpointDelete: remote('virDomainCheckpointDelete', 417, checkFlags, nothing),

  poolRefresh: remote('virStoragePoolRefresh', 83, struct({ pool: poolRef, flags: uint }), nothing),
  poolLookup: remote(
    'virStoragePoolLookupByName',
    84,
    struct({ name: string }),
    struct({ pool: poolRef }),
  ),
  poolGetInfo: remote(
    'virStoragePoolGetInfo',
    87,
    struct({ pool: poolRef }),
    struct({ state: uint, capacity: uhyper, allocation: uhyper, available: uhyper }),
  ),
  poolGetXml: remote('virStoragePoolGetXMLDesc', 88, struct({ pool: poolRef, flags: uint }), xml),
  volumeCreate: remote(
    'virStorageVolCreateXML',
    93,
    struct({ pool: poolRef, xml: string, flags: uint }),
    struct({ vol: volumeRef }),
  ),
  volumeDelete: remote('virStorageVolDelete', 94, struct({ vol: volumeRef, flags: uint }), nothing),
  volumeLookup: remote(
    'virStorageVolLookupByPath',
    97,
    struct({ path: string }),
    struct({ vol: volumeRef }),
  ),
  volumeGetInfo: remote(
    'virStorageVolGetInfo',
    98,
    struct({ vol: volumeRef }),
    struct({ type: int, capacity: uhyper, allocation: uhyper }),
  ),
  volumeGetPath: remote(
    'virStorageVolGetPath',
    100,
    struct({ vol: volumeRef }),
    struct({ path: string }),
  ),
  volumeUpload: remote('virStorageVolUpload', 208, transfer, nothing),
  volumeDownload: remote('virStorageVolDownload', 209, transfer, nothing),

  monitorCommand: {
    name: 'virDomainQemuMonitorCommand',
    program: qemuProgram,
    number: 1,
    args: struct({ dom: domainRef, command: string, flags: uint }),
    result: struct({ result: string }),
  },
} as const;

/** Events: the numbers to register (virDomainEventID), to receive, and what comes. */
export const events = {
  blockJob: {
    id: 16, // VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2: names the disk by its target
    procedure: 339,
    message: struct({ callbackId: int, dom: domainRef, disk: string, type: int, status: int }),
  },
  lifecycle: {
    id: 0,
    procedure: 318,
    message: struct({ callbackId: int, dom: domainRef, event: int, detail: int }),
  },
  agent: {
    id: 18,
    procedure: 348,
    message: struct({ callbackId: int, dom: domainRef, state: int, reason: int }),
  },
  jobCompleted: {
    id: 21,
    procedure: 363,
    message: struct({ callbackId: int, dom: domainRef, params: typedParameters(maxJobStats) }),
  },
  blockThreshold: {
    id: 24,
    procedure: 385,
    message: struct({
      callbackId: int,
      dom: domainRef,
      device: string,
      path: optional(string),
      threshold: uhyper,
      excess: uhyper,
    }),
  },
} as const;
