/**
 * Every failure a person or a program can meet has a code here. Codes are data: nothing anywhere
 * matches an error by its text. `message` says what happened in one or two plain English sentences;
 * `data.unharmed` says what is still fine, `data.advice` says what to do next.
 */

export const errorCodes = [
  // General
  'internal', // a defect in Waymark; data.logId finds the stack in the log
  'invalid-input',
  'not-found',
  'unsupported',
  'cancelled',
  'unauthorized',
  'not-connected', // the way to the engine is cut: the window asks again by itself
  'confirmation-required',
  'refused', // a pre-flight said no; data.reasons lists why
  'data-folder-in-use',
  'tool-missing', // an outside program (qemu-img, qemu-nbd, …) is not installed; data.tool
  // Hosts
  'libvirt-not-installed',
  'libvirt-not-running',
  'libvirt-permission',
  'host-unreachable',
  'host-not-found',
  'libvirt-error', // data.code, data.domain, data.level are libvirt's own numbers
  'libvirt-connection-lost',
  'libvirt-protocol',
  'libvirt-timeout',
  'socket-path-too-long',
  // Machines
  'machine-not-found',
  'machine-ambiguous',
  'machine-gone',
  'machine-stopped',
  'machine-busy',
  'machine-has-no-disks',
  'machine-not-readable', // stopped, and this kind of host does not let us read its images
  'managed-save-present',
  'host-devices-present',
  'image-missing',
  'checkpoint-inconsistent',
  'snapshot-not-found',
  'checkpoint-not-found',
  'change-unfinished', // a change of this machine was cut off and waits for finish or undo
  'definition-refused', // a domain definition in a point holds what must not be restored
  // NBD
  'nbd-protocol',
  'nbd-option',
  'nbd-request',
  'nbd-connection-lost',
  // Repositories and points
  'repository-not-found',
  'not-a-repository',
  'repository-exists',
  'repository-too-new',
  'repository-busy', // another writer holds the lease; data.owner
  'repository-lease-lost',
  'repository-unavailable', // folder gone, unmounted or another file system since opening
  'repository-damaged',
  'repository-locked', // no key remembered: a password is needed
  'wrong-password',
  'block-damaged',
  'manifest-damaged',
  'manifest-refused', // a manifest with paths, sizes or counts beyond limits
  'point-not-found',
  // Plans
  'plan-not-found',
  'plan-refused', // what a person planned cannot be; data.problems says what, field by field
  'plan-run-not-found',
  'plan-run-cut-off', // Waymark was ended in the middle of a planned run
  'hook-failed', // a program that had to succeed before a planned run did not
  'news-not-sent', // a channel did not take it; data.channel
  // The computer
  'service-failed', // systemd did not start or stop Waymark's service; data.command
  // Files and space
  'no-space', // data.where: 'repository' | 'scratch' | 'data' | 'target'; data.path
  'read-only',
  'permission-denied',
  'path-not-found',
  'path-exists',
  'path-invalid',
  'name-taken',
  'name-invalid',
  'file-failed', // any other file-system error; data.errno
  'catalog-damaged',
  'verify-mismatch', // what was read back is not what was written
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export type ErrorData = { readonly [key: string]: JsonValue };

/** An error as it crosses a wire. Never holds a stack. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly data: ErrorData;
}

/** The one error class thrown on purpose in Waymark. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly data: ErrorData;

  constructor(code: ErrorCode, message: string, data: ErrorData = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.data = data;
  }

  toJSON(): WireError {
    return { code: this.code, message: this.message, data: this.data };
  }
}

const knownCodes: ReadonlySet<string> = new Set(errorCodes);

/** True for a value that has the shape of a WireError with a code this version knows. */
function isWireError(value: unknown): value is WireError {
  if (typeof value !== 'object' || value === null) return false;
  const { code, message, data } = value as Record<string, unknown>;
  return (
    typeof code === 'string' &&
    knownCodes.has(code) &&
    typeof message === 'string' &&
    typeof data === 'object' &&
    data !== null
  );
}

/**
 * The same error, marked as said by a pre-flight: nothing was started. The command line ends with
 * another code then, whatever the reason is.
 */
export function asPreflight(error: AppError): AppError {
  return new AppError(error.code, error.message, { ...error.data, preflight: true }, error.cause);
}

/**
 * Any thrown value as wire data. An AppError keeps its code; anything else becomes `internal` with
 * the given log id, because its text was never meant for a person.
 */
export function toWireError(thrown: unknown, logId: string): WireError {
  if (thrown instanceof AppError) return thrown.toJSON();
  return {
    code: 'internal',
    message: `Something in Waymark went wrong that should not have. The log has it as ${logId}.`,
    data: { logId },
  };
}

/** The AppError a wire error stands for; an unknown shape becomes `internal`. */
export function fromWireError(value: unknown): AppError {
  if (isWireError(value)) return new AppError(value.code, value.message, value.data);
  return new AppError('internal', 'The other side answered with an error it could not describe.');
}

/** True if the thrown value is an AppError with one of the codes. */
export function hasCode(thrown: unknown, ...codes: readonly ErrorCode[]): thrown is AppError {
  return thrown instanceof AppError && codes.includes(thrown.code);
}
