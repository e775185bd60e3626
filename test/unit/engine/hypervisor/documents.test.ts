import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { domainBackupXml, maxSocketPathBytes } from '#engine/hypervisor/backup-xml.ts';
import {
  domainCheckpointXml,
  parseChangedBytes,
  parseCheckpoint,
} from '#engine/hypervisor/checkpoint-xml.ts';
import { parseSnapshot } from '#engine/hypervisor/snapshot-xml.ts';
import { at, attribute, children, element, parseXml, textOf } from '#engine/hypervisor/xml.ts';

describe('XML that goes out', () => {
  it('carries any text XML can hold, in attributes and between tags', () => {
    const text = fc
      .string({ unit: 'grapheme', maxLength: 50 })
      // eslint-disable-next-line no-control-regex -- these are what XML cannot hold
      .filter((value) => !/[\u0000-\u001f\u007f-\u009f\ufffe\uffff]/.test(value));
    fc.assert(
      fc.property(text, (value) => {
        const root = parseXml(element('a', { b: value }, [element('c', {}, `|${value}|`)]));
        expect(attribute(root, 'b') ?? '').toBe(value);
        expect(textOf(at(root, 'c'))).toBe(`|${value}|`);
      }),
    );
  });

  it('keeps line ends and tabs in attributes', () => {
    expect(attribute(parseXml(element('a', { b: 'x\r\n\ty' })), 'b')).toBe('x\r\n\ty');
  });

  it.each(['\u0000', '\u000b', '\u001f', '\uffff'])(
    'refuses what XML cannot hold: %j',
    (letter) => {
      expect(() => element('a', {}, letter)).toThrow(
        expect.objectContaining({ code: 'invalid-input' }),
      );
    },
  );
});

describe('a backup job', () => {
  it('is pull mode over a unix socket, disk by disk', () => {
    const xml = domainBackupXml({
      socketPath: '/run/w/nbd.sock',
      incremental: 'waymark-A',
      disks: [
        { target: 'vda', backup: true, scratchPath: '/s/vda', exportBitmap: 'dirty' },
        { target: 'vdb', backup: true, scratchPath: '/s/<b>', mode: 'full', incremental: 'x' },
        {
          target: 'vdc',
          backup: true,
          mode: 'incremental',
          incremental: 'waymark-B',
          exportName: 'c',
        },
        { target: 'sda', backup: false },
      ],
    });
    const root = parseXml(xml, 'domainbackup');
    expect(attribute(root, 'mode')).toBe('pull');
    expect(textOf(at(root, 'incremental'))).toBe('waymark-A');
    expect(attribute(at(root, 'server'), 'transport')).toBe('unix');
    expect(attribute(at(root, 'server'), 'socket')).toBe('/run/w/nbd.sock');
    const disks = children(at(root, 'disks')!, 'disk').map((disk) => ({
      ...Object.fromEntries([...disk.attributes].map(({ name, value }) => [name, value])),
      scratch: attribute(at(disk, 'scratch'), 'file'),
    }));
    expect(disks).toEqual([
      { name: 'vda', backup: 'yes', type: 'file', exportbitmap: 'dirty', scratch: '/s/vda' },
      { name: 'vdb', backup: 'yes', type: 'file', backupmode: 'full', scratch: '/s/<b>' },
      {
        name: 'vdc',
        backup: 'yes',
        type: 'file',
        backupmode: 'incremental',
        incremental: 'waymark-B',
        exportname: 'c',
        scratch: null,
      },
      { name: 'sda', backup: 'no', scratch: null },
    ]);
  });

  it('has a socket path the kernel takes', () => {
    const path = `/${'x'.repeat(maxSocketPathBytes - 1)}`;
    expect(domainBackupXml({ socketPath: path, disks: [] })).toContain(path);
    expect(() => domainBackupXml({ socketPath: `${path}x`, disks: [] })).toThrow(
      expect.objectContaining({ code: 'socket-path-too-long' }),
    );
  });
});

describe('a checkpoint', () => {
  it('is read back as it was written', () => {
    const xml = domainCheckpointXml({
      name: 'waymark-01J',
      description: 'repository <x> & "y"',
      creationTime: 1_795_419_538_999,
      parent: 'waymark-01H',
      disks: [
        { target: 'vda', checkpoint: true },
        { target: 'vdb', checkpoint: false },
      ],
      domainXml: '<?xml version="1.0"?>\n<domain type="qemu"><name>m</name></domain>',
    });
    expect(parseCheckpoint(xml)).toEqual({
      name: 'waymark-01J',
      description: 'repository <x> & "y"',
      time: 1_795_419_538_000,
      parent: 'waymark-01H',
      disks: [{ target: 'vda', bitmap: 'waymark-01J' }],
      xml,
    });
    expect(xml).toContain('<domain type="qemu"><name>m</name></domain></domaincheckpoint>');
  });
});

describe('what changed since a checkpoint', () => {
  it('is told per disk, or not at all', () => {
    const xml = `<domaincheckpoint><name>a</name><disks>
      <disk name='vda' checkpoint='bitmap' bitmap='a' size='4259840'/>
      <disk name='vdb' checkpoint='bitmap' bitmap='a'/><disk name='sda' checkpoint='no'/>
      </disks></domaincheckpoint>`;
    expect(parseChangedBytes(xml)).toEqual([
      { target: 'vda', bytes: 4_259_840 },
      { target: 'vdb', bytes: null },
    ]);
  });
});

describe('a snapshot', () => {
  const domain = (name: string, image: string, type: string) =>
    `<${name} type='kvm'><name>m</name><devices><disk type='file' device='disk'>
      <driver name='qemu' type='${type}'/><source file='${image}'/><target dev='vda' bus='virtio'/>
      </disk></devices></${name}>`;
  const xml = `<domainsnapshot><name>before</name><description>d</description>
      <state>running</state><parent><name>root</name></parent>
      <creationTime>1795419538</creationTime>
      <memory snapshot='external' file='/s/m.mem'/>
      <disks><disk name='vda' snapshot='external' type='file'><driver type='qcow2'/>
        <source file='/s/vda.o'/><snapshotDeleteInProgress/></disk>
        <disk name='vdb' snapshot='no'/></disks>
      ${domain('domain', '/s/vda.raw', 'raw')}${domain('inactiveDomain', '/s/next', 'qcow2')}
      </domainsnapshot>`;

  it('is read from what libvirt prints', () => {
    expect(parseSnapshot(xml, { current: true, hasMetadata: true })).toMatchObject({
      name: 'before',
      description: 'd',
      time: 1_795_419_538_000,
      parent: 'root',
      current: true,
      hasMetadata: true,
      machineState: 'running',
      memory: 'external',
      memoryFile: '/s/m.mem',
      disks: [
        {
          target: 'vda',
          kind: 'external',
          source: '/s/vda.o',
          format: 'qcow2',
          image: { sourceKind: 'file', source: '/s/vda.raw', format: 'raw' },
          deleting: true,
        },
        { target: 'vdb', kind: 'no', source: null, format: null, image: null, deleting: false },
      ],
      domain: { name: 'm', disks: [{ source: '/s/vda.raw' }] },
      inactiveDomain: { name: 'm', disks: [{ source: '/s/next', format: 'qcow2' }] },
      xml,
    });
  });

  it('may have no definition of its machine', () => {
    const old =
      '<domainsnapshot><name>old</name><disks><disk name="vda"/></disks></domainsnapshot>';
    expect(parseSnapshot(old, { current: false, hasMetadata: true })).toMatchObject({
      time: 0,
      memory: 'no',
      disks: [{ target: 'vda', kind: 'no', image: null }],
      domain: null,
      inactiveDomain: null,
    });
  });
});
