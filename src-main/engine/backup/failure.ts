import { AppError, hasCode } from '#contract/errors.ts';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import type { Route } from './plan.ts';

const earlierPoints = 'Every earlier restore point is complete.';

/**
 * Why a backup failed, said by what happened to the machine rather than by which socket broke
 * first: a machine that was switched off or removed takes its NBD server with it.
 */
export async function explainFailure(
  hypervisor: Hypervisor,
  machine: { readonly uuid: string; readonly name: string },
  route: Route,
  thrown: unknown,
): Promise<unknown> {
  if (hasCode(thrown, 'cancelled', 'no-space')) return thrown;
  if (hasCode(thrown, 'libvirt-connection-lost')) return libvirtGone(machine.name, thrown);
  if (!hasCode(thrown, 'nbd-connection-lost', 'machine-stopped', 'libvirt-error', 'nbd-request')) {
    return thrown;
  }
  try {
    const { state } = await hypervisor.state(machine.uuid);
    const off = state === 'off' || state === 'crashed';
    // A machine read from its closed images is off anyway: then the socket is the whole story.
    return off && route !== 'closed-image' ? stopped(machine.name, thrown) : promised(thrown);
  } catch (second) {
    if (hasCode(second, 'machine-not-found')) return gone(machine.name, thrown);
    if (hasCode(second, 'libvirt-connection-lost')) return libvirtGone(machine.name, second);
    return promised(thrown);
  }
}

/** The same error with what is always true of a failed backup, where it does not say so itself. */
function promised(error: AppError): AppError {
  const said = {
    unharmed: `The machine and its disks are as they were. ${earlierPoints}`,
    advice: 'Run the backup again. If it fails like this again, the details say what was refused.',
  };
  return new AppError(error.code, error.message, { ...said, ...error.data }, error.cause);
}

function stopped(name: string, cause: unknown): AppError {
  return new AppError(
    'machine-stopped',
    `${name} was switched off while it was being backed up.`,
    {
      unharmed: `Its disks are untouched. ${earlierPoints}`,
      advice: 'Run the backup again: a machine that is off is read from its closed images.',
    },
    cause,
  );
}

function gone(name: string, cause: unknown): AppError {
  return new AppError(
    'machine-gone',
    `${name} was removed from its host while it was being backed up.`,
    { unharmed: earlierPoints, advice: 'If it was moved, add the host it is on now.' },
    cause,
  );
}

function libvirtGone(name: string, cause: unknown): AppError {
  return new AppError(
    'libvirt-connection-lost',
    `libvirt stopped answering while ${name} was being backed up.`,
    {
      unharmed: `The machine itself is not affected by that. ${earlierPoints}`,
      advice: 'Once libvirt answers again Waymark cleans up by itself; then run the backup again.',
    },
    cause,
  );
}
