import type { MachineState } from '#contract/domain.ts';
import { readDomain, type DomainDefinition } from './domain-xml.ts';
import type { SnapshotDiskRecord, SnapshotRecord } from './hypervisor.ts';
import { at, attribute, child, children, parseXml, textOf, type Element } from './xml.ts';

/** The state words of `<domainsnapshot>` (libvirt.org/formatsnapshot.html). */
const states: ReadonlyMap<string, MachineState> = new Map<string, MachineState>([
  ['running', 'running'],
  ['blocked', 'running'],
  ['paused', 'paused'],
  ['shutdown', 'shutting-down'],
  ['shutoff', 'off'],
  ['crashed', 'crashed'],
  ['pmsuspended', 'suspended'],
  ['disk-snapshot', 'running'], // disks of a running machine, without its memory
]);

const diskKinds: readonly string[] = ['internal', 'external', 'manual'];

/** What libvirt prints for a snapshot, as a record; `told` is what it says outside the XML. */
export function parseSnapshot(
  xml: string,
  told: Pick<SnapshotRecord, 'current' | 'hasMetadata'>,
): SnapshotRecord {
  const root = parseXml(xml, 'domainsnapshot');
  const memory = child(root, 'memory');
  const memoryKind = attribute(memory, 'snapshot');
  const disks = child(root, 'disks');
  const inner = child(root, 'domain');
  const inactive = child(root, 'inactiveDomain');
  const domain = inner === null ? null : readDomain(inner);
  return {
    name: textOf(child(root, 'name')) ?? '',
    description: textOf(child(root, 'description')) ?? '',
    time: Number(textOf(child(root, 'creationTime')) ?? '0') * 1000,
    parent: textOf(at(root, 'parent', 'name')),
    machineState: states.get(textOf(child(root, 'state')) ?? '') ?? 'unknown',
    memory: memoryKind === 'internal' || memoryKind === 'external' ? memoryKind : 'no',
    memoryFile: attribute(memory, 'file'),
    disks: (disks === null ? [] : children(disks, 'disk')).map((disk) => parseDisk(disk, domain)),
    domain,
    inactiveDomain: inactive === null ? null : readDomain(inactive),
    ...told,
    xml,
  };
}

function parseDisk(disk: Element, domain: DomainDefinition | null): SnapshotDiskRecord {
  const target = attribute(disk, 'name') ?? '';
  const kind = attribute(disk, 'snapshot') ?? 'no';
  const source = child(disk, 'source');
  const then = domain?.disks.find((one) => one.target === target) ?? null;
  return {
    target,
    kind: diskKinds.includes(kind) ? (kind as SnapshotDiskRecord['kind']) : 'no',
    source: attribute(source, 'file') ?? attribute(source, 'dev'),
    format: attribute(child(disk, 'driver'), 'type'),
    image:
      then === null
        ? null
        : { sourceKind: then.sourceKind, source: then.source, format: then.format },
    deleting: child(disk, 'snapshotDeleteInProgress') !== null,
  };
}
