/**
 * Every error code in words: how grave, what to call it, what to do. The engine's own message says
 * what exactly happened this time; this table is what is true of the kind. It is exhaustive, so a
 * new code without words does not compile.
 */
import type { AppError, ErrorCode, WireError } from '#contract/errors.ts';

/** note: nothing is wrong. problem: it did not happen. danger: data needs a look. */
export type Severity = 'note' | 'problem' | 'danger';

export interface Message {
  readonly severity: Severity;
  readonly title: string;
  readonly advice: string;
}

const problem = (title: string, advice: string): Message => ({
  severity: 'problem',
  title,
  advice,
});
const note = (title: string, advice: string): Message => ({ severity: 'note', title, advice });
const danger = (title: string, advice: string): Message => ({ severity: 'danger', title, advice });

export const messages: { readonly [Code in ErrorCode]: Message } = {
  internal: problem(
    'Something in Waymark went wrong',
    'Try again. If it comes back, copy the details: the log has more under this id.',
  ),
  'invalid-input': problem('This cannot be used as it is', 'Correct the value and try again.'),
  'not-found': problem('It is not there any more', 'Look again: it may have been removed.'),
  unsupported: note('Not possible here', 'The message says what this kind of host lacks.'),
  cancelled: note('Cancelled', 'Nothing more is running. Start again when you like.'),
  unauthorized: problem(
    'This window may not talk to Waymark',
    'Open it again with the link Waymark printed when it started.',
  ),
  'not-connected': problem(
    'Waymark does not answer',
    'The window connects again by itself. Jobs go on without it.',
  ),
  'confirmation-required': note('Waits for your consent', 'Confirm the step, or leave it.'),
  refused: problem('Refused before anything was touched', 'The reasons are listed below.'),
  'data-folder-in-use': problem(
    'Another Waymark is using this data folder',
    'Close the other one, or use its window.',
  ),
  'tool-missing': problem('A program is missing', 'Install the program named above, then retry.'),
  'libvirt-not-installed': problem(
    'libvirt is not installed',
    'Install it with the command shown, then try again.',
  ),
  'libvirt-not-running': problem(
    'libvirt is not running',
    'Start it with the command shown, then try again.',
  ),
  'libvirt-permission': problem(
    'You may not use libvirt yet',
    'Join the group with the command shown, then sign in again.',
  ),
  'host-unreachable': problem(
    'The host cannot be reached',
    'Check that it is on and connected. Its machines are not affected.',
  ),
  'host-not-found': problem('This host is not known', 'Add the host again.'),
  'libvirt-error': problem(
    'libvirt said no',
    'The message is from libvirt; the details have its code.',
  ),
  'libvirt-connection-lost': problem(
    'The connection to libvirt was lost',
    'Waymark connects again by itself. Machines keep running.',
  ),
  'libvirt-protocol': problem(
    'libvirt answered in a way that makes no sense',
    'The connection was closed to be safe and will be opened again.',
  ),
  'libvirt-timeout': problem(
    'libvirt did not answer in time',
    'It may be busy. Try again in a moment.',
  ),
  'socket-path-too-long': problem(
    'The path of a socket is too long',
    'Use a shorter folder: the system allows about 100 bytes.',
  ),
  'machine-not-found': problem(
    'This machine is not there',
    'It may have been removed or renamed. Its restore points are unharmed.',
  ),
  'machine-ambiguous': problem('More than one machine has this name', 'Choose the host as well.'),
  'machine-gone': problem(
    'The machine went away meanwhile',
    'Earlier restore points are complete and can bring it back.',
  ),
  'machine-stopped': problem(
    'The machine stopped meanwhile',
    'Start it, or back it up as it is now: switched off.',
  ),
  'machine-busy': note(
    'The machine is busy with another job',
    'Wait until that job has ended, then start again.',
  ),
  'machine-has-no-disks': problem(
    'This machine has no disk to copy',
    'Only disks are copied; CD-ROM drives and shared disks are left out.',
  ),
  'machine-not-readable': problem(
    'The disks of this machine cannot be read while it is off',
    'Start the machine, then back it up.',
  ),
  'managed-save-present': problem(
    'The machine is saved with its memory',
    'Start it once, so that the saved memory is used and not lost.',
  ),
  'host-devices-present': problem(
    'The machine uses a device of this computer',
    'Start the machine yourself, then back it up while it runs.',
  ),
  'image-missing': problem(
    'A disk image is not where it should be',
    'Put the file back or mount its file system, then try again.',
  ),
  'checkpoint-inconsistent': note(
    'The reference is broken',
    'The next backup reads everything once and stores only what differs.',
  ),
  'snapshot-not-found': problem(
    'This snapshot is not there any more',
    'Look at the machine again: it may have been deleted elsewhere.',
  ),
  'checkpoint-not-found': problem(
    'This checkpoint is not there any more',
    'Look at the machine again: it may have been deleted elsewhere.',
  ),
  'change-unfinished': problem(
    'A change of this machine was cut off',
    'Open the machine and choose Finish or Undo first.',
  ),
  'definition-refused': danger(
    'The definition in this point holds what must not be restored',
    'Restore its disks as image files and make the machine yourself.',
  ),
  'nbd-protocol': problem(
    'Reading the disk failed',
    'Start again. If it comes back, copy details.',
  ),
  'nbd-option': problem('The disk could not be opened for reading', 'Start again in a moment.'),
  'nbd-request': problem(
    'A part of the disk could not be read',
    'Check the storage under the machine: it reported an error.',
  ),
  'nbd-connection-lost': problem(
    'The connection to the disk was lost',
    'Check that the machine still runs, then start again.',
  ),
  'repository-not-found': problem('This repository is not known', 'Add the repository again.'),
  'not-a-repository': problem(
    'This folder is not a repository',
    'Choose the folder that holds one, or create a new one.',
  ),
  'repository-exists': problem(
    'There is a repository in this folder already',
    'Add it instead of creating a new one.',
  ),
  'repository-too-new': problem(
    'A newer Waymark made this repository',
    'Update Waymark, then open it. Nothing in it was changed.',
  ),
  'repository-busy': note(
    'Another program is writing to this repository',
    'Wait until it has finished, then start again.',
  ),
  'repository-lease-lost': problem(
    'The repository was taken over by another writer',
    'Start again. Points made earlier are complete.',
  ),
  'repository-unavailable': problem(
    'The repository cannot be reached',
    'Connect or mount its storage, then try again.',
  ),
  'repository-damaged': danger(
    'A part of the repository is damaged',
    'Verify the repository to see which points are affected.',
  ),
  'repository-locked': note('The repository is locked', 'Enter its password to open it.'),
  'wrong-password': problem(
    'The password does not open this repository',
    'Check capital letters and the keyboard layout. The recovery code works as well.',
  ),
  'block-damaged': danger(
    'Stored data is damaged',
    'Verify the repository, and restore from another point meanwhile.',
  ),
  'manifest-damaged': danger(
    'The record of this point is damaged',
    'Other points do not need it. Restore from one of them.',
  ),
  'manifest-refused': danger(
    'The record of this point is not safe to use',
    'It names sizes or paths beyond what Waymark writes. Use another point.',
  ),
  'point-not-found': problem(
    'This restore point is not there any more',
    'It may have been deleted. Choose another one.',
  ),
  'service-failed': problem(
    'The service was not changed',
    'Run the command in the details in a terminal to see more.',
  ),
  'news-not-sent': problem(
    'The message was not sent',
    'Correct the channel under Settings, then send a test. Backups go on without it.',
  ),
  'plan-not-found': problem(
    'This plan is not there any more',
    'It may have been removed. Look again.',
  ),
  'plan-refused': problem('This plan cannot be kept as it is', 'Change what is marked.'),
  'plan-run-not-found': problem('This run is not listed any more', 'Look at the plan again.'),
  'plan-run-cut-off': problem(
    'Waymark was ended in the middle of this run',
    'Nothing that was stored is lost. Run the plan again.',
  ),
  'hook-failed': problem(
    'A program that had to run first failed',
    'See what it printed in the log of the run, and run the plan again.',
  ),
  'no-space': problem('There is not enough space', 'Free some space or choose another folder.'),
  'read-only': problem('This folder is read-only', 'Choose another folder, or make it writable.'),
  'permission-denied': problem(
    'You may not read or write there',
    'Choose another folder, or change its permissions.',
  ),
  'path-not-found': problem('There is nothing at this path', 'Check the path and try again.'),
  'path-exists': problem(
    'A file of this name exists already',
    'Waymark never overwrites a file. Choose another name.',
  ),
  'path-invalid': problem('This path cannot be used', 'A full path begins with /.'),
  'name-taken': problem('This name is taken', 'Choose another name.'),
  'name-invalid': problem(
    'This name cannot be used',
    'A name has no slash and no line break and is not empty.',
  ),
  'file-failed': problem('A file could not be read or written', 'The message says which one.'),
  'catalog-damaged': danger(
    'The list Waymark keeps on this computer is damaged',
    'It can be read again from the repositories. Your restore points are unharmed.',
  ),
  'verify-mismatch': danger(
    'What was read back is not what was written',
    'Do not use the copy. Check the storage it was written to.',
  ),
};

export interface ErrorWords extends Message {
  /** What happened this time, by the engine. */
  readonly what: string;
  /** What is still fine; empty when the engine did not say. */
  readonly unharmed: string;
  /** A command that fixes it, when there is one. */
  readonly command: string;
  /** For "Copy details" and the log. */
  readonly id: string;
}

function dataText(error: WireError | AppError, name: string): string {
  const value = error.data[name];
  return typeof value === 'string' ? value : '';
}

/** All that a screen says about one error. */
export function wordsOf(error: WireError | AppError): ErrorWords {
  const message = messages[error.code];
  const advice = dataText(error, 'advice');
  return {
    ...message,
    advice: advice === '' ? message.advice : advice,
    what: error.message,
    unharmed: dataText(error, 'unharmed'),
    command: dataText(error, 'command'),
    id: dataText(error, 'logId') === '' ? error.code : dataText(error, 'logId'),
  };
}
