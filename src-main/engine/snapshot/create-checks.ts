/** The lines of a new snapshot's pre-flight that do not depend on how it is taken. */
import type { MachineAction } from '#contract/actions.ts';
import type { Check } from '#contract/domain.ts';
import { isActive, type MachineFacts } from '#engine/interlock/facts.ts';
import { leftOutWords } from './blockers.ts';
import {
  failsToStartDeep,
  makesOpenOverlays,
  mayChangeFiles,
  revertsExternal,
} from './capabilities.ts';
import { chainLengthWarned } from './chain.ts';
import { check } from './draft.ts';
import { maxChainImages } from './storage-choice.ts';
import type { Taking } from './take-snapshot.ts';
import { bytesInWords, counted, listed } from './words.ts';

/** On some versions a machine with a chain this long does not start any more. */
const deepChainImages = 25;
/** Memory does not fill its file exactly, and an image grows by more than the data. */
const memoryMargin = 1.02;
/** What the metadata of a new overlay or an internal snapshot may take. */
const leastFreeBytes = 64 * 1024 ** 2;

type CreateAction = Extract<MachineAction, { kind: 'snapshot-create' }>;

export function createChecks(
  facts: MachineFacts,
  taking: Taking,
  action: Pick<CreateAction, 'freeze' | 'memory'>,
): readonly Check[] {
  return [
    ...leftOutChecks(facts, taking),
    ...consistencyChecks(facts, taking, action),
    ...chainChecks(taking),
    ...startChecks(facts, taking),
    ...checkpointChecks(facts, taking),
    ...firmwareChecks(facts, taking),
    ...transientChecks(facts),
    ...savedChecks(facts),
    ...accessChecks(facts, taking),
  ];
}

function leftOutChecks(facts: MachineFacts, { disks }: Taking): readonly Check[] {
  const part = new Set(disks.map(({ target }) => target));
  return facts.disks
    .filter(({ target }) => !part.has(target))
    .map(({ target, leftOut }) =>
      check(
        `left-out-${target}`,
        leftOut === 'cdrom' || leftOut === 'empty' || leftOut === 'floppy' ? 'ok' : 'warning',
        `${target} is not part of the snapshot`,
        leftOut === null
          ? 'It was left out by choice: going back does not change it.'
          : `It ${leftOutWords(leftOut)}. Going back does not change it.`,
      ),
    );
}

function consistencyChecks(
  facts: MachineFacts,
  { memory, freeze }: Taking,
  action: Pick<CreateAction, 'freeze' | 'memory'>,
): readonly Check[] {
  const id = 'consistency';
  if (!isActive(facts)) {
    if (!action.memory) return [check(id, 'ok', 'Switched off', 'The disks do not change.')];
    const detail = 'A machine that is off has none. The disks do not change.';
    return [check(id, 'ok', 'Switched off: no memory to keep', detail)];
  }
  if (memory) {
    return [check(id, 'ok', 'Goes on where it was', 'Its memory is kept with its disks.')];
  }
  if (freeze) {
    const detail = 'The guest agent freezes them for a moment.';
    return [check(id, 'ok', 'File systems are consistent', detail)];
  }
  const detail =
    action.freeze && !facts.agentConnected
      ? 'No guest agent answers, so file systems are not frozen.'
      : 'The file systems are not frozen and the memory is not kept.';
  return [check(id, 'warning', 'Going back is like after a power cut', detail)];
}

function chainChecks({ storage, disks }: Taking): readonly Check[] {
  if (storage === 'internal') return [];
  return disks
    .filter(({ chain }) => chain.length + 1 >= chainLengthWarned)
    .map(({ target, chain }) =>
      check(
        `chain-${target}`,
        'warning',
        `${target} will stand on ${counted(chain.length, 'image')}`,
        'Reading gets slow. Deleting old snapshots merges their images; libvirt allows ' +
          `${maxChainImages}.`,
      ),
    );
}

function startChecks({ host }: MachineFacts, { storage, disks }: Taking): readonly Check[] {
  const deep = disks.some(({ chain }) => chain.length + 1 >= deepChainImages);
  if (storage === 'internal' || !deep || !failsToStartDeep(host)) return [];
  const detail =
    `From about ${deepChainImages} images on, libvirt 11 may not start a machine any more; 12.0 ` +
    'does.';
  return [
    {
      ...check('chain-start', 'warning', 'The machine may not start afterwards', detail),
      accept: 'Take it all the same',
    },
  ];
}

/** A2, A4: taking one is fine in both cases; going back to an internal one is what is not. */
function checkpointChecks({ checkpoints }: MachineFacts, { storage }: Taking): readonly Check[] {
  if (checkpoints.length === 0) return [];
  const words = counted(checkpoints.length, 'checkpoint');
  return [
    check(
      'checkpoints',
      storage === 'internal' ? 'warning' : 'ok',
      `${words} ${checkpoints.length === 1 ? 'goes' : 'go'} on measuring`,
      'Backups stay small. Going back to this snapshot will take them away first, and the next ' +
        'backup then reads everything.',
    ),
  ];
}

function firmwareChecks({ definition }: MachineFacts, { storage }: Taking): readonly Check[] {
  const parts = [
    ...(storage === 'external' && definition.firmware.kind === 'uefi'
      ? ['the variables of its firmware']
      : []),
    ...(definition.tpm.emulated ? ['the state of its TPM'] : []),
  ];
  if (parts.length === 0) return [];
  const title = `${sentenceCase(listed(parts))} ${parts.length === 1 ? 'is' : 'are'} not kept`;
  return [check('firmware', 'warning', title, 'Going back does not change them.')];
}

function sentenceCase(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** B18 */
function transientChecks({ persistent, name }: MachineFacts): readonly Check[] {
  if (persistent) return [];
  const detail =
    `${name} is transient: when it stops, libvirt forgets it and its snapshots. The images keep ` +
    'the data, but no tool lists it any more.';
  return [
    {
      ...check('transient', 'warning', 'libvirt forgets this snapshot when it stops', detail),
      accept: 'Take it all the same',
    },
  ];
}

/** B14: libvirt leaves it behind when it goes back to a snapshot with memory. */
function savedChecks(facts: MachineFacts): readonly Check[] {
  if (!facts.managedSave || !isActive(facts)) return [];
  const detail =
    `${facts.name} runs, but a memory it was stopped with once is still there, and the next ` +
    'start would go on from it on other disks. Drop it: virsh managedsave-remove.';
  return [check('managed-save', 'warning', 'An old saved memory is in the way', detail)];
}

/** B1 and B16 where this process may not touch the files. */
function accessChecks(facts: MachineFacts, { storage }: Taking): readonly Check[] {
  if (storage === 'internal' || mayChangeFiles(facts)) return [];
  const checks: Check[] = [];
  if (!revertsExternal(facts.host)) {
    const detail =
      'libvirt before 9.9 cannot go back to such a snapshot, and Waymark may not change the ' +
      'files of this host as this user. Run Waymark as root to go back.';
    checks.push(check('revert-access', 'warning', 'Going back will need more rights', detail));
  }
  const started = facts.definition.hostDevices.length === 0; // then QEMU makes it, private
  if (!isActive(facts) && !started && makesOpenOverlays(facts.host)) {
    const detail =
      'libvirt makes the new image readable by every user of the host (CVE-2025-13193), and ' +
      'Waymark may not change that as this user.';
    checks.push({
      ...check('open-overlay', 'warning', 'Other users of the host could read it', detail),
      accept: 'Take it all the same',
    });
  }
  return checks;
}

/** The memory lies in or beside the image of the first disk. */
export function spaceCheck(facts: MachineFacts, taking: Taking): readonly Check[] {
  const id = 'space';
  const needed = taking.memory ? Math.ceil(facts.memoryBytes * memoryMargin) : 0;
  const [first] = taking.disks;
  const room = taking.disks.map((disk) => ({
    disk,
    needed: leastFreeBytes + (disk === first ? needed : 0),
  }));
  const short = room.find(({ disk, needed: bytes }) => (disk.freeBytes ?? Infinity) < bytes);
  if (short !== undefined) {
    const detail =
      `Beside the image of ${short.disk.target} ${bytesInWords(short.needed)} must be free, ` +
      `${bytesInWords(short.disk.freeBytes ?? 0)} are.`;
    return [check(id, 'blocker', 'Not enough space', detail)];
  }
  if (!taking.memory) return [];
  if (first?.freeBytes === null) {
    const detail = `The memory needs up to ${bytesInWords(needed)}.`;
    return [check(id, 'unknown', 'Free space is not known', detail)];
  }
  const detail =
    `The memory needs up to ${bytesInWords(needed)}, ${bytesInWords(first?.freeBytes ?? 0)} are ` +
    'free.';
  return [check(id, 'ok', 'Enough space', detail)];
}
