/** Which snapshots Waymark made before a revert, to keep where the machine was. */

/** The last line of such a snapshot's description, which libvirt keeps. */
const mark = 'waymark undo-point';

/** `to` is the name of the snapshot that was gone back to. */
export function describeUndoPoint(to: string): string {
  return `Where the machine was before it went back to ${to}.\n${mark}`;
}

export function isUndoPoint(description: string): boolean {
  return description.split('\n').at(-1)?.trim() === mark;
}

/** The description as a person reads it. */
export function shownDescription(description: string): string {
  if (!isUndoPoint(description)) return description;
  return description.split('\n').slice(0, -1).join('\n');
}
