/**
 * What only the computer in front of a person can do: pick a path, reveal it, open a link, notify.
 * Each host implements all of it or answers `unsupported`; nothing is a silent stub. Addresses are
 * fixed here and chosen by key, so that no text of a screen ever becomes an address.
 */
import type { DesktopDone, DesktopHandlers, LinkKey, Picked } from '#contract/contract.ts';

export interface PickFolder {
  readonly title: string;
  /** Where the dialog starts; null leaves it to the desktop. */
  readonly start: string | null;
}

export interface PickFile extends PickFolder {
  readonly purpose: 'open' | 'save';
}

export interface Note {
  readonly title: string;
  readonly body: string;
  /** Where clicking it leads, as an address in the interface: "#/plan/01J…"; null: where it is. */
  readonly at: string | null;
}

export interface Desktop {
  pickFolder(options: PickFolder): Promise<Picked>;
  pickFile(options: PickFile): Promise<Picked>;
  reveal(path: string): Promise<DesktopDone>;
  openLink(link: LinkKey): Promise<DesktopDone>;
  notify(note: Note): Promise<DesktopDone>;
}

/** Every address the application ever opens. */
export const links: Readonly<Record<LinkKey, `https://${string}`>> = {
  'libvirt-connect': 'https://libvirt.org/uri.html',
  'libvirt-permissions': 'https://libvirt.org/aclpolkit.html',
  'libvirt-checkpoints': 'https://libvirt.org/kbase/domainstatecapture.html',
  'qemu-backup': 'https://libvirt.org/kbase/live_full_disk_backup.html',
};

const unsupported = { kind: 'unsupported' } as const;

/** A host without a desktop of its own: the browser's page and the command line. */
export const noDesktop: Desktop = {
  pickFolder: () => Promise.resolve(unsupported),
  pickFile: () => Promise.resolve(unsupported),
  reveal: () => Promise.resolve(unsupported),
  openLink: () => Promise.resolve(unsupported),
  notify: () => Promise.resolve(unsupported),
};

/** The desktop's part of the contract. */
export function desktopHandlers(desktop: Desktop): DesktopHandlers {
  return {
    'desktop.pick-folder': (input) => desktop.pickFolder(input),
    'desktop.pick-file': (input) => desktop.pickFile(input),
    'desktop.reveal': ({ path }) => desktop.reveal(path),
    'desktop.open-link': ({ link }) => desktop.openLink(link),
  };
}
