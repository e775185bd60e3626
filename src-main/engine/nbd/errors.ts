/**
 * The four ways NBD fails, told apart by what can be done next:
 * - nbd-protocol: the server broke the protocol. The connection is gone; do not try again.
 * - nbd-option: the server will not serve what was asked for at connect. Ask for something else.
 * - nbd-request: one request failed; the connection goes on. `data.resend` is false where the same
 *   request can never succeed (read-only export, not offered, outside the disk).
 * - nbd-connection-lost: the connection ended under us. A new connection may work.
 */
import { AppError, type ErrorData } from '#contract/errors.ts';
import { errorName } from './constants.ts';

export function protocolError(what: string, data: ErrorData = {}): AppError {
  return new AppError('nbd-protocol', `The disk server broke its protocol: ${what}.`, data);
}

export function optionError(what: string, data: ErrorData = {}): AppError {
  return new AppError('nbd-option', `The disk server refused the connection: ${what}.`, data);
}

export function connectionLost(why: string, data: ErrorData = {}, cause?: unknown): AppError {
  return new AppError(
    'nbd-connection-lost',
    `The connection to the disk server ended: ${why}.`,
    data,
    cause,
  );
}

export interface FailedRequest {
  readonly command: string;
  readonly offset: number;
  readonly length: number;
}

/** A request the server answered with an error number. `at` is the place it named, if any. */
export function requestError(
  request: FailedRequest,
  errno: number,
  serverWords: string,
  at: number | null,
): AppError {
  const name = errorName[errno] ?? 'EINVAL';
  const words = serverWords === '' ? '' : ` (${serverWords})`;
  return new AppError(
    'nbd-request',
    `The disk server could not ${request.command} ${request.length} bytes at ` +
      `${at ?? request.offset}: ${name}${words}.`,
    {
      command: request.command,
      offset: request.offset,
      length: request.length,
      at,
      nbdError: name,
      error: errno,
      resend: !neverSucceeds.has(name),
    },
  );
}

const neverSucceeds: ReadonlySet<string> = new Set(['EPERM', 'EINVAL', 'ENOTSUP', 'EOVERFLOW']);

/** A request that is wrong before it is sent. */
export function refusedRequest(request: FailedRequest, why: string): AppError {
  return new AppError(
    'nbd-request',
    `Cannot ${request.command} ${request.length} bytes at ${request.offset}: ${why}.`,
    { ...request, at: null, nbdError: 'EINVAL', error: 22, resend: false },
  );
}
