/** Checks of what comes in with a call, used by several of them. */
import * as v from 'valibot';
import type { HostId, JobId, MachineId, PointId, RepositoryId } from './domain.ts';
import type { UnfinishedId } from './moments.ts';
import type { PlanId, PlanRunId } from './plans.ts';

/** Longest text accepted anywhere: paths on Linux end at 4096 bytes. */
export const maxTextLength = 4096;
export const maxPasswordLength = 1024;
export const maxNameLength = 128;

export const text = v.pipe(v.string(), v.maxLength(maxTextLength));
export const idText = v.pipe(v.string(), v.minLength(1), v.maxLength(256));
const id = <T extends string>() => v.custom<T>((value) => v.is(idText, value), 'Not an id');
export const hostId = id<HostId>();
export const machineId = id<MachineId>();
export const repositoryId = id<RepositoryId>();
export const pointId = id<PointId>();
export const jobId = id<JobId>();
export const unfinishedId = id<UnfinishedId>();
export const planId = id<PlanId>();
export const planRunId = id<PlanRunId>();
export const snapshotName = v.pipe(v.string(), v.minLength(1), v.maxLength(1024));

/** A name a person gives: no control characters, not only spaces, no slash at all. */
export const nameCheck = v.pipe(
  v.string(),
  v.trim(),
  v.minLength(1, 'A name is needed'),
  v.maxLength(maxNameLength, `At most ${maxNameLength} characters`),
  v.check((name) => !/[\p{Cc}\p{Zl}\p{Zp}/]/u.test(name), 'A name has no slash or line break'),
);

export const pathCheck = v.pipe(
  text,
  v.check((path) => path.startsWith('/'), 'A full path starts with /'),
  v.check((path) => !path.includes('\0'), 'A path has no NUL character'),
);

export const password = v.pipe(
  v.string(),
  v.minLength(1, 'A password is needed'),
  v.maxLength(maxPasswordLength, `At most ${maxPasswordLength} characters`),
);
export const nothing = v.strictObject({});
export const someRows = v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(500));
export const pointIds = v.pipe(v.array(pointId), v.maxLength(1000));
export const target = v.pipe(v.string(), v.minLength(1), v.maxLength(64));

export const restoreTargetCheck = v.variant('kind', [
  v.strictObject({
    kind: v.literal('image'),
    disk: target,
    path: pathCheck,
    format: v.picklist(['raw', 'qcow2']),
  }),
  v.strictObject({
    kind: v.literal('new-machine'),
    host: hostId,
    name: nameCheck,
    /** Where the disks go; null lets the engine choose the usual place of that host. */
    folder: v.nullable(pathCheck),
    network: v.picklist(['disconnected', 'connected']),
    start: v.boolean(),
  }),
]);
export type RestoreTarget = v.InferOutput<typeof restoreTargetCheck>;
