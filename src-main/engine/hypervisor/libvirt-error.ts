/** libvirt's errors (virNetMessageError, virterror.h) as AppErrors that keep its numbers. */
import { AppError, type ErrorCode, type ErrorData } from '#contract/errors.ts';
import { decodeXdr, fixed, int, optional, string, struct } from './xdr.ts';

/** The numbers of virErrorNumber that somebody here decides by. */
export const libvirtErrorNumber = {
  internal: 1, // also whatever QEMU answered that libvirt has no number for
  noSupport: 3,
  invalidArgument: 8,
  operationDenied: 29, // a read-only connection
  noDomain: 42,
  authFailed: 45,
  noStoragePool: 49,
  noStorageVolume: 50,
  operationInvalid: 55,
  configUnsupported: 67,
  operationTimeout: 68,
  noDomainSnapshot: 72,
  snapshotRevertRisky: 77, // asks for the force flag
  authCancelled: 79,
  operationUnsupported: 84,
  agentUnresponsive: 86,
  accessDenied: 88,
  authUnavailable: 94,
  noDomainCheckpoint: 103,
  noDomainBackup: 104,
  checkpointInconsistent: 109,
} as const;

const uuid = fixed(16);
const errorDomain = struct({ name: string, uuid, id: int });
const errorNetwork = struct({ name: string, uuid });

/** virNetMessageError */
export const remoteError = struct({
  code: int,
  domain: int,
  message: optional(string),
  level: int,
  dom: optional(errorDomain),
  str1: optional(string),
  str2: optional(string),
  str3: optional(string),
  int1: int,
  int2: int,
  net: optional(errorNetwork),
});

const codes: ReadonlyMap<number, ErrorCode> = new Map<number, ErrorCode>([
  [libvirtErrorNumber.noDomain, 'machine-not-found'],
  [libvirtErrorNumber.operationTimeout, 'machine-busy'],
  [libvirtErrorNumber.checkpointInconsistent, 'checkpoint-inconsistent'],
]);

const denied: readonly number[] = [
  libvirtErrorNumber.authFailed,
  libvirtErrorNumber.authCancelled,
  libvirtErrorNumber.authUnavailable,
  libvirtErrorNumber.accessDenied,
];

/** The error a reply or stream ended with. @throws `libvirt-protocol` when it cannot be read. */
export function decodeLibvirtError(payload: Buffer, operation: string): AppError {
  const { code, domain, message, level } = decodeXdr(remoteError, payload);
  const said = message ?? `libvirt failed with error ${code}`;
  const data: ErrorData = { code, domain, level, function: operation };
  return new AppError(codes.get(code) ?? 'libvirt-error', said, data);
}

/** True if libvirt ended with one of these numbers, whatever code it has here. */
export function hasLibvirtNumber(thrown: unknown, ...numbers: readonly number[]): boolean {
  if (!(thrown instanceof AppError)) return false;
  const { code } = thrown.data;
  return typeof code === 'number' && numbers.includes(code);
}

/** libvirt (or polkit behind it) said that this user may not. */
export function isDenied(thrown: unknown): boolean {
  return hasLibvirtNumber(thrown, ...denied);
}
