/**
 * Lets a machine go on from a memory file. That is done only on the disks the memory fits: where a
 * person started the machine before a cut-off change was finished, it has gone on without it, and
 * stopping it or giving it its old memory would harm it. So it is told, and the rest is done.
 */
import { domainWithImages } from '#engine/hypervisor/edit-images.ts';
import { holdsNothing } from '#engine/nbd/image.ts';
import type { ExecuteParts } from './execute.ts';
import { isActive } from './facts.ts';
import type { StepAction } from './steps.ts';
import { untilLetGo } from './until-let-go.ts';

const bootedReason = 1; // VIR_DOMAIN_RUNNING_BOOTED; from a memory file it is RESTORED

export async function restoreMemory(
  parts: ExecuteParts,
  { of, file, images, paused }: Extract<StepAction, { do: 'restore-memory' }>,
): Promise<void> {
  const { world, hypervisor, uuid } = parts;
  const status = await hypervisor.state(uuid);
  const names = of === undefined ? [] : (await hypervisor.momentNames(uuid)).snapshots;
  const whole = of === undefined || names.includes(of);
  if (isActive(status)) {
    // Else it never stopped, or was brought back just before the change was cut off.
    const booted = status.state === 'running' && status.reason === bootedReason;
    if (whole && booted) parts.problem(notBroughtBack(file, 'It runs and was left as it is'));
    return;
  }
  if (!whole) {
    parts.problem('The machine went off before its memory was wholly kept, so it stays off.');
    return;
  }
  for (const { path } of images) {
    if (await holdsNothing(world, path)) continue;
    parts.problem(notBroughtBack(file, 'It stays off'));
    return;
  }
  await untilLetGo(parts);
  const paths = new Map(images.map(({ target, path }) => [target, path]));
  const xml = domainWithImages(await hypervisor.savedDefinition(file), paths);
  await hypervisor.restoreMemory(file, { xml, paused });
}

function notBroughtBack(file: string, now: string): string {
  return (
    'The machine was started before this change was finished, so the memory kept in ' +
    `${file} does not fit its disks any more and was not brought back. ${now}.`
  );
}
