import { AppError } from '#contract/errors.ts';
import { domainRef } from './domain-ref.ts';
import type { JobOperation, JobStats, JobType } from './hypervisor.ts';
import { hasLibvirtNumber, libvirtErrorNumber } from './libvirt-error.ts';
import type { Link } from './link.ts';
import { procedures } from './procedures.ts';
import type { TypedParameters } from './typed-parameters.ts';

/** virDomainJobType, by number. */
const jobTypes: readonly JobType[] = [
  'none',
  'bounded',
  'unbounded',
  'completed',
  'failed',
  'cancelled',
];

/** virDomainJobOperation, by number. */
const jobOperations: readonly JobOperation[] = [
  'unknown',
  'start',
  'save',
  'restore',
  'migration-in',
  'migration-out',
  'snapshot',
  'snapshot-revert',
  'dump',
  'backup',
  'snapshot-delete',
];

/** @param timeoutMs in milliseconds; how long to wait for the machine's lock. */
export async function readJobStats(
  link: Link,
  uuid: string,
  timeoutMs?: number,
): Promise<JobStats> {
  try {
    const args = { dom: domainRef(uuid), flags: 0 };
    const { type, params } = await link.call(procedures.domainGetJobStats, args, timeoutMs);
    return toJobStats(type, params);
  } catch (thrown) {
    // libvirt 9.0 has no statistics of a snapshot being deleted, and calls its own answer invalid.
    if (!hasLibvirtNumber(thrown, libvirtErrorNumber.internal)) throw thrown;
    return { active: true, type: 'unbounded', operation: 'unknown' };
  }
}

/** Jobs in which QEMU writes the machine's memory out and gives up its images for a moment. */
const memoryJobs: readonly JobOperation[] = ['save', 'snapshot', 'dump', 'migration-out'];

/**
 * Asked for its images in the moment between, QEMU aborts and the machine is gone: 7.2 with
 * “qcow2_get_specific_info: Assertion `false' failed”, which a loop of `virsh domblkinfo` beside
 * `virsh snapshot-create-as --memspec` shows within minutes. libvirt lets such questions through.
 * @throws `machine-busy` instead.
 */
export async function refuseWhileMemoryIsWritten(link: Link, uuid: string): Promise<void> {
  const stats = await readJobStats(link, uuid).catch((thrown: unknown) => {
    if (hasLibvirtNumber(thrown, libvirtErrorNumber.operationInvalid)) return null; // it is off
    throw thrown;
  });
  // Its memory written, the job calls itself completed while it goes on: that is the very moment.
  if (stats === null || stats.type === 'none' || !memoryJobs.includes(stats.operation)) return;
  throw new AppError('machine-busy', 'The memory of the machine is being kept just now.', {
    uuid,
    unharmed: 'Nothing was changed.',
    advice: 'Wait until that is done, then try again.',
  });
}

/** What VIR_DOMAIN_JOB_… parameters say; what libvirt left out stays out. */
export function toJobStats(type: number, params: TypedParameters): JobStats {
  const number = (name: string) => {
    const value = params.get(name);
    return typeof value === 'number' ? value : undefined;
  };
  const success = params.get('success');
  const errorMessage = params.get('errmsg');
  const named = {
    elapsedMs: number('time_elapsed'),
    diskTotalBytes: number('disk_total'),
    diskProcessedBytes: number('disk_processed'),
    diskRemainingBytes: number('disk_remaining'),
    tempUsedBytes: number('disk_temp_used'),
    tempTotalBytes: number('disk_temp_total'),
    success: typeof success === 'boolean' ? success : undefined,
    errorMessage: typeof errorMessage === 'string' ? errorMessage : undefined,
  };
  const present = Object.entries(named).filter(([, value]) => value !== undefined);
  const jobType = jobTypes[type] ?? 'none';
  return {
    active: jobType === 'bounded' || jobType === 'unbounded',
    type: jobType,
    operation: jobOperations[number('operation') ?? 0] ?? 'unknown',
    ...(Object.fromEntries(present) as Partial<JobStats>),
  };
}
