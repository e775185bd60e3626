/** Names of snapshots: which are refused, and which Waymark gives; and of the files it makes. */
import { basename, dirname, join } from 'node:path';
import type { PlanReason } from '#contract/actions.ts';
import type { DiskFacts, MachineFacts } from '#engine/interlock/facts.ts';

/** libvirt keeps a snapshot in a file of its name, and file names end at 255 bytes. */
export const maxNameBytes = 200;
/** Part of a file name taken from a machine's or a snapshot's name, characters. */
const maxNamePart = 60;

/** libvirt, XML or a shell cannot hold these, or a person cannot see them. */
const unprintable = /[\p{Cc}\p{Cs}\u2028\u2029\ufeff\ufffd-\uffff]/u;

/** Characters that XML cannot hold, or that its reader takes for damage; lines are fine. */
const unwritable = /(?![\n\r\t])\p{Cc}|[\p{Cs}\ufffd-\uffff]/u;

export function descriptionProblem(description: string): PlanReason | null {
  if (!unwritable.test(description)) return null;
  return {
    id: 'description-control',
    title: 'The description has a character that cannot be stored',
    detail: 'libvirt keeps it as XML, which has no place for control characters.',
  };
}

/**
 * What is wrong with a name for a new snapshot, or null. Characters with a meaning in XML or a
 * shell are fine: they are escaped where they matter.
 */
export function nameProblem(facts: MachineFacts, name: string): PlanReason | null {
  const problem = (id: string, title: string, detail: string) => ({ id, title, detail });
  if (name.trim() === '') {
    return problem('name-empty', 'A snapshot needs a name', 'The name is empty.');
  }
  if (name !== name.trim()) {
    return problem('name-spaces', 'The name begins or ends with a space', 'Remove that space.');
  }
  if (unprintable.test(name)) {
    const detail = 'libvirt cannot store a name with characters that cannot be seen.';
    return problem('name-control', 'The name has a character that cannot be seen', detail);
  }
  if (name.includes('/')) {
    const detail = 'libvirt keeps a snapshot in a file of its name, so a slash cannot be part.';
    return problem('name-slash', 'The name has a slash', detail);
  }
  if (name.startsWith('.') || name.startsWith('-')) {
    const detail =
      'libvirt refuses a leading dot, and other tools take a leading dash for an option.';
    return problem('name-start', 'The name begins with a dot or a dash', detail);
  }
  if (/^\d+$/.test(name)) {
    const detail =
      'QEMU numbers the snapshots in an image and could take this name for such a number.';
    return problem('name-number', 'The name is only a number', detail);
  }
  if (Buffer.byteLength(name) > maxNameBytes) {
    const detail = `It has ${Buffer.byteLength(name)} bytes; ${maxNameBytes} are the most.`;
    return problem('name-long', 'The name is too long', detail);
  }
  if (takenNames(facts).has(name)) {
    const detail = `There is a snapshot named ${name} already, or one of its images holds one.`;
    return problem('name-taken', 'The name is taken', detail);
  }
  return null;
}

/** Of snapshots libvirt knows, and of internal ones that only an image still holds. */
function takenNames({ snapshots, disks }: MachineFacts): ReadonlySet<string> {
  return new Set([
    ...snapshots.map(({ record }) => record.name),
    ...disks.flatMap(({ chain }) => chain.flatMap((image) => image.snapshots ?? [])),
  ]);
}

/** QEMU looks for a snapshot's number first: "2" may be the second one's number. */
export function isAmbiguous(facts: MachineFacts, name: string): boolean {
  const internal = facts.snapshots.filter(({ storage }) => storage !== 'external');
  return /^\d+$/.test(name) && internal.length > 1;
}

/** The name of the snapshot that keeps where the machine is before it goes back to `to`. */
export function undoPointName(facts: MachineFacts, to: string): string {
  const taken = takenNames(facts);
  return numbered((tail) => `before-revert-to-${shortened(to, tail)}${tail}`, taken);
}

/** Leaves room for what is put before and after it. */
function shortened(name: string, tail: string): string {
  let text = name;
  while (Buffer.byteLength(`before-revert-to-${text}${tail}`) > maxNameBytes) {
    text = Array.from(text).slice(0, -1).join('');
  }
  return text.trimEnd();
}

function numbered(make: (tail: string) => string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number += 1) {
    const name = make(number === 1 ? '' : `-${number}`);
    if (!taken.has(name)) return name;
  }
}

/** Gives names to the files of one plan, none of them known or given before. */
export class FileNames {
  readonly #facts: MachineFacts;
  readonly #taken: Set<string>;

  constructor(facts: MachineFacts) {
    this.#facts = facts;
    this.#taken = knownFiles(facts);
  }

  /** Takes what the disk writes after `snapshot`; beside the disk's image. */
  overlay(disk: DiskFacts, snapshot: string): string {
    const stem = [fileWord(this.#facts.name), disk.target, `since-${fileWord(snapshot)}`];
    return this.#name(folderOf(disk), stem.join('.'), '.qcow2');
  }

  /** Beside the image of the first disk that takes part. */
  memory(disk: DiskFacts, snapshot: string): string {
    const stem = [fileWord(this.#facts.name), fileWord(snapshot)];
    return this.#name(folderOf(disk), stem.join('.'), '.memory');
  }

  #name(folder: string, stem: string, ending: string): string {
    const path = numbered((tail) => join(folder, `${stem}${tail}${ending}`), this.#taken);
    this.#taken.add(path);
    return path;
  }
}

function folderOf({ chain }: DiskFacts): string {
  return dirname(chain[0]?.path ?? '/');
}

/** Every file that a name could run into, as far as it is known. */
function knownFiles({ disks, snapshots, beside }: MachineFacts): Set<string> {
  const files = new Set(beside);
  for (const { chain } of disks) for (const { path } of chain) files.add(path);
  for (const { record, frozen, memoryFile } of snapshots) {
    for (const { source, image } of record.disks) {
      for (const path of [source, image?.source ?? null]) if (path !== null) files.add(path);
    }
    for (const { path, overlays } of frozen) for (const one of [path, ...overlays]) files.add(one);
    for (const path of [record.memoryFile, memoryFile?.path ?? null]) {
      if (path !== null) files.add(path);
    }
  }
  return files;
}

/** A name made of what every file system and shell takes as it is. */
function fileWord(name: string): string {
  const word = name.replace(/[^\w.-]+/g, '-').slice(0, maxNamePart);
  return basename(word).replace(/^[.-]+/, '') || 'snapshot';
}
