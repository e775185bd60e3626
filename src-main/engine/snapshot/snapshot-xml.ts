/** Writes `<domainsnapshot>` documents (libvirt.org/formatsnapshot.html). */
import { element } from '#engine/hypervisor/xml.ts';

export interface SnapshotSpec {
  readonly name: string;
  readonly description: string;
  readonly memory:
    { readonly kind: 'no' | 'internal' } | { readonly kind: 'external'; readonly file: string };
  /** Every disk of the machine: libvirt takes part in each it is not told about. */
  readonly disks: readonly (
    | { readonly target: string; readonly kind: 'no' | 'internal' }
    | { readonly target: string; readonly kind: 'external'; readonly overlay: string }
  )[];
}

/** For taking one: libvirt adds the time, the state and the definition. */
export function domainSnapshotXml({ name, description, memory, disks }: SnapshotSpec): string {
  const file = memory.kind === 'external' ? memory.file : undefined;
  return element('domainsnapshot', {}, [
    element('name', {}, name),
    element('description', {}, description),
    element('memory', { snapshot: memory.kind, file }),
    element(
      'disks',
      {},
      disks.map((disk) =>
        disk.kind === 'external'
          ? element('disk', { name: disk.target, snapshot: 'external', type: 'file' }, [
              element('driver', { type: 'qcow2' }),
              element('source', { file: disk.overlay }),
            ])
          : element('disk', { name: disk.target, snapshot: disk.kind }),
      ),
    ),
  ]);
}
