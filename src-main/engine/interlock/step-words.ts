/** Steps in the words of the tools a person knows, for "Show what will run". Secrets are masked. */
import type { StepAction } from './steps.ts';

/** `machine` is its name. One line; arguments are quoted as a shell would need them. */
export function commandOf(machine: string, action: StepAction): string {
  const [tool, ...words] = wordsOf(machine, action);
  return [tool ?? '', ...words.map(quoted)].join(' ');
}

function wordsOf(machine: string, action: StepAction): readonly string[] {
  switch (action.do) {
    case 'start':
      return ['virsh', 'start', ...(action.paused ? ['--paused'] : []), machine];
    case 'stop':
      return ['virsh', 'destroy', machine];
    case 'resume':
      return ['virsh', 'resume', machine];
    case 'pause':
      return ['virsh', 'suspend', machine];
    case 'define':
      return ['virsh', 'define', 'domain.xml'];
    case 'drop-managed-save':
      return ['virsh', 'managedsave-remove', machine];
    case 'create-snapshot':
      return ['virsh', 'snapshot-create', machine, `${action.name}.xml`, ...createFlags(action)];
    case 'record-snapshot':
      return [
        ...['virsh', 'snapshot-create', machine, `${action.name}.xml`, '--redefine'],
        ...(action.current ? ['--current'] : []),
      ];
    case 'make-current':
      return ['virsh', 'snapshot-current', machine, action.name];
    case 'delete-snapshot':
      return [
        ...['virsh', 'snapshot-delete', machine, action.name],
        ...((action.flags & 2) === 0 ? [] : ['--metadata']),
      ];
    case 'revert-snapshot':
      return ['virsh', 'snapshot-revert', machine, action.name, ...revertFlags(action.flags)];
    case 'restore-memory':
      return [
        ...['virsh', 'restore', action.file, '--xml', 'domain.xml'],
        action.paused ? '--paused' : '--running',
      ];
    default:
      return imageWords(machine, action);
  }
}

function imageWords(machine: string, action: StepAction): readonly string[] {
  switch (action.do) {
    case 'create-checkpoint':
      return ['virsh', 'checkpoint-create', machine, `${action.name}.xml`];
    case 'record-checkpoint':
      return ['virsh', 'checkpoint-create', machine, `${action.name}.xml`, '--redefine'];
    case 'delete-checkpoint':
      return [
        ...['virsh', 'checkpoint-delete', machine, action.name],
        ...(action.metadataOnly ? ['--metadata'] : []),
      ];
    case 'remove-bitmap':
      return ['qemu-img', 'bitmap', '--remove', action.image, action.bitmap];
    case 'create-overlay':
      return [
        ...['qemu-img', 'create', '-f', 'qcow2', '-b', action.base],
        ...['-F', action.baseFormat, action.path],
      ];
    case 'remove-file':
      return ['rm', action.path];
    case 'protect-file':
      return ['chmod', action.mode.toString(8), action.path];
    case 'remove-folder':
      return ['rm', '-r', action.path];
    case 'end-job':
      return ['virsh', 'domjobabort', machine];
    default:
      return noteWords(action);
  }
}

function noteWords(action: StepAction): readonly string[] {
  switch (action.do) {
    case 'keep-picture':
      return ['keep', 'a picture of the screen for', action.snapshot];
    case 'drop-picture':
      return ['forget', 'the picture of the screen of', action.snapshot];
    case 'note-revert':
      return ['note', 'the revert to', action.to];
    case 'unnote-revert':
      return ['forget', 'the revert to', action.to];
    case 'forget-revert':
      return ['forget', 'the revert that kept', action.kept];
    default:
      return [action.do];
  }
}

const createFlagNames: readonly (readonly [number, string])[] = [
  [16, '--disk-only'],
  [64, '--quiesce'],
  [128, '--atomic'],
  [256, '--live'],
];
const revertFlagNames: readonly (readonly [number, string])[] = [
  [1, '--running'],
  [2, '--paused'],
  [4, '--force'],
];

function createFlags({ flags }: { readonly flags: number }): readonly string[] {
  return createFlagNames.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);
}

function revertFlags(flags: number): readonly string[] {
  return revertFlagNames.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The XML a step hands to libvirt; null where it hands none. */
export function documentOf(action: StepAction): { title: string; text: string } | null {
  switch (action.do) {
    case 'define':
      return { title: 'domain.xml', text: masked(action.xml) };
    case 'create-snapshot':
    case 'record-snapshot':
    case 'create-checkpoint':
    case 'record-checkpoint':
      return { title: `${action.name}.xml`, text: masked(action.xml) };
    default:
      return null;
  }
}

/** Passwords of consoles, and what lets QEMU into a disk on the web, are shown as stars. */
function masked(xml: string): string {
  return xml
    .replace(/(\bpasswd=)("[^"]*"|'[^']*')/g, '$1"***"')
    .replace(/(<cookie\s+name=[^>]*>)[^<]*/g, '$1***');
}
