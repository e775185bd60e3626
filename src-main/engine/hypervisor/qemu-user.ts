import type { Link } from './link.ts';
import { procedures } from './procedures.ts';
import { at, attribute, children, parseXml, textOf } from './xml.ts';

/** A user and group by number. */
export interface QemuUser {
  readonly uid: number;
  readonly gid: number;
}

const numbers = /^\+?(\d+):\+?(\d+)$/;

/**
 * The user that this host's QEMU processes run as unless a machine says otherwise, from the `dac`
 * security model in its capabilities (libvirt.org/formatcaps.html); null where it has none.
 */
export async function readQemuUser(link: Link): Promise<QemuUser | null> {
  const { capabilities } = await link.call(procedures.connectGetCapabilities, null);
  return qemuUserOf(capabilities);
}

export function qemuUserOf(capabilitiesXml: string): QemuUser | null {
  const host = at(parseXml(capabilitiesXml, 'capabilities'), 'host');
  for (const model of host === null ? [] : children(host, 'secmodel')) {
    if (textOf(at(model, 'model')) !== 'dac') continue;
    for (const label of children(model, 'baselabel')) {
      const type = attribute(label, 'type');
      const found = numbers.exec(textOf(label) ?? '');
      if ((type === 'qemu' || type === 'kvm') && found !== null) {
        return { uid: Number(found[1]), gid: Number(found[2]) };
      }
    }
  }
  return null;
}
