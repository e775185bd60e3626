import { attribute, child, children, parseXml, textOf } from './xml.ts';

const label = /^\+?(\d+):\+?(\d+)$/;

/**
 * The user and group QEMU runs as, from the `dac` security label that a system host puts in a live
 * definition; null where there is none (session hosts) or it names users instead of numbers.
 */
export function dacIdentity(xml: string): { readonly uid: number; readonly gid: number } | null {
  const root = parseXml(xml, 'domain');
  for (const seclabel of children(root, 'seclabel')) {
    if (attribute(seclabel, 'model') !== 'dac') continue;
    const found = label.exec(textOf(child(seclabel, 'label')) ?? '');
    if (found !== null) return { uid: Number(found[1]), gid: Number(found[2]) };
  }
  return null;
}
