/** What the pretend doctor finds: much on `mail`, nothing elsewhere. */
import type { Machine } from '#contract/domain.ts';
import type { DoctorReport, Finding } from '#contract/moments.ts';
import type { Story } from './demo-story.ts';

const ofMail: readonly Finding[] = [
  {
    id: 'dead-waymark-mail-0',
    kind: 'dead-checkpoint',
    severity: 'problem',
    title: 'The checkpoint of attic is dead',
    detail:
      'libvirt lists it, but QEMU was killed while it recorded. The next backup would read ' +
      'everything again, as after the repair.',
    repair: 'Remove it; the next backup sets a new one.',
  },
  {
    id: 'chain-vdb',
    kind: 'broken-chain',
    severity: 'problem',
    title: 'An image below vdb is missing',
    detail: 'vdb stands on /var/lib/libvirt/images/mail-base.qcow2, which is not there.',
    repair: null,
  },
  {
    id: 'folder-01M8',
    kind: 'left-over-folder',
    severity: 'notice',
    title: 'Scratch files of a backup that is no more',
    detail: '1.2 GiB in /var/lib/waymark-scratch/01M8 belong to no job.',
    repair: 'Remove the folder.',
  },
  {
    id: 'orphan-vda',
    kind: 'orphan-bitmap',
    severity: 'notice',
    title: 'vda records changes that nobody asks for',
    detail: 'Its image has the bitmap backup-2025, which no checkpoint names.',
    repair: 'Remove the bitmap.',
  },
];

/** What is wrong with a machine and was not repaired yet. */
export function findingsOf(machine: Machine, story: Story): readonly Finding[] {
  if (machine.name !== 'mail') return [];
  return ofMail.filter(({ id }) => !story.repaired.has(id));
}

export function reportOf(
  machine: Machine,
  story: Story,
  details: boolean,
  at: number,
): DoctorReport {
  const inMemory = 'What QEMU keeps in memory';
  const running = machine.state === 'running';
  return {
    machine: machine.id,
    at,
    findings: findingsOf(machine, story),
    looked: [
      'Checkpoints and snapshots of libvirt',
      'Bitmaps in the images',
      'References of every repository',
      'Scratch files and sockets',
      ...(running && details ? [inMemory] : []),
    ],
    notLooked:
      running && !details
        ? [{ what: inMemory, why: 'Only QEMU itself can tell, and asking it leaves a mark.' }]
        : [],
  };
}
