import type { PlanReason } from '#contract/actions.ts';
import { lostJobAdvice } from '#engine/hypervisor/lost-job.ts';
import type { MachineFacts } from './facts.ts';

/**
 * What else is under way on the machine. libvirt makes a second change wait 30 s for the first and
 * then fail (facts D2), so such a change is refused before it is begun.
 */
export function reasonsToWait(facts: MachineFacts): readonly PlanReason[] {
  const { name, libvirtJob, waymarkJob, unfinished, lostJob } = facts;
  const reasons: PlanReason[] = [];
  if (waymarkJob !== null) {
    reasons.push({
      id: 'waymark-job',
      title: `${name} is busy`,
      detail: `“${waymarkJob}” is under way. Wait until it has ended, or cancel it.`,
    });
  }
  if (lostJob) {
    reasons.push({
      id: 'lost-job',
      title: `libvirt lost track of a backup of ${name}`,
      detail:
        `It was restarted while a backup began. ${name} runs on and its disks are fine, but ` +
        `libvirt lets nothing be done to it. ${lostJobAdvice}`,
    });
  } else if (libvirtJob !== null) {
    reasons.push({
      id: 'libvirt-job',
      title: `libvirt is busy with ${name}`,
      detail:
        `Another program runs a job on it (${libvirtJob}). Wait until that has ended: libvirt ` +
        'does one thing at a time with a machine.',
    });
  }
  if (unfinished !== null) {
    reasons.push({
      id: 'unfinished',
      title: `A change of ${name} was cut off`,
      detail: `Finish or undo “${unfinished}” first.`,
    });
  }
  return reasons;
}
