import { describe, expect, test } from 'vitest';
import { parseDomain } from '#engine/hypervisor/domain-xml.ts';
import {
  domainOfSnapshot,
  domainWithImages,
  snapshotWithOverlays,
} from '#engine/hypervisor/edit-images.ts';
import { parseSnapshot } from '#engine/hypervisor/snapshot-xml.ts';

/** As libvirt prints a running machine: comments, passwords and things nobody knows. */
const domain = (tag = 'domain') => `<${tag} type='kvm' id='3'>
  <name>web-01</name>
  <uuid>5c9b3b0a-0000-4000-8000-000000000001</uuid>
  <memory unit='KiB'>32768</memory>
  <metadata><x:y xmlns:x='urn:x'><disk><target dev='vda'/></disk></x:y></metadata>
  <os><type arch='x86_64'>hvm</type></os>
  <devices>
    <!-- <disk><target dev='vda'/></disk> -->
    <disk type='block' device='disk'>
      <driver name='qemu' type='raw' cache='none'/>
      <source dev='/dev/vg/web' index='1'><seclabel model='dac' relabel='no'/></source>
      <backingStore type='file' index='2'>
        <format type='raw'/><source file='/images/base.raw'/><backingStore/>
      </backingStore>
      <target dev='vda' bus='virtio'/>
      <serial>A&amp;B</serial>
    </disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='/images/vdb.qcow2'/>
      <backingStore/>
      <target dev='vdb' bus='virtio'/>
    </disk>
    <graphics type='vnc' passwd='secret'/>
  </devices>
</${tag}>`;

const newVda = new Map([['vda', '/images/a & b.qcow2']]);

describe('a definition on other images', () => {
  test('the whole source and the recorded chain go, all else stays byte for byte', () => {
    const before = domain();
    const after = domainWithImages(before, newVda);
    const expected = before
      .replace("<disk type='block' device='disk'>", `<disk type="file" device='disk'>`)
      .replace("type='raw' cache", 'type="qcow2" cache')
      .replace(/<source dev[\s\S]*?<\/source>/, '<source file="/images/a &amp; b.qcow2"/>')
      .replace(/\s*<backingStore type='file'[\s\S]*?<\/backingStore>(?=\s*<target dev='vda')/, '');
    expect(after).toBe(expected);
    const [vda, vdb] = parseDomain(after).disks;
    expect(vda).toMatchObject({ source: '/images/a & b.qcow2', format: 'qcow2', chain: null });
    expect(vdb).toEqual(parseDomain(before).disks[1]);
  });

  test('no image named: nothing is changed', () => {
    expect(domainWithImages(domain(), new Map())).toBe(domain());
    expect(domainWithImages(domain(), new Map([['sda', '/x']]))).toBe(domain());
  });

  test('a disk without a source gets one', () => {
    const empty = domain().replace("<source file='/images/vdb.qcow2'/>", '');
    const after = domainWithImages(empty, new Map([['vdb', '/images/new.qcow2']]));
    expect(parseDomain(after).disks[1]?.source).toBe('/images/new.qcow2');
  });
});

const snapshot = (more = '') => `<domainsnapshot>
  <name>good</name>
  <state>running</state>
  <creationTime>1</creationTime>
  <memory snapshot='external' file='/images/good.memory'/>
  <disks>
    <disk name='vda' snapshot='external' type='file'>
      <driver type='qcow2'/>
      <source file='/images/old.qcow2'/>
    </disk>
    <disk name='vdb' snapshot='no'/>
  </disks>
  ${domain()}${more}
</domainsnapshot>`;

describe('the definition inside a snapshot', () => {
  test('as it ran, or as its next start would have been', () => {
    const stored = domain('inactiveDomain').replace('32768', '65536');
    const xml = snapshot(stored);
    const live = domainOfSnapshot(xml, 'live', 'web-01', newVda);
    expect(live).toBe(
      domainWithImages(domain(), newVda).replace('<name>web-01</name>', '<name>web-01</name>'),
    );
    const next = domainOfSnapshot(xml, 'stored', 'web-01', newVda) ?? '';
    expect(parseDomain(next).memoryBytes).toBe(64 * 1024 ** 2);
    expect(next.startsWith('<domain ')).toBe(true);
    expect(next.endsWith('</domain>')).toBe(true);
    expect(next).toContain("passwd='secret'");
  });
  test('the live one where there is no other, under the name of today', () => {
    const xml = domainOfSnapshot(snapshot(), 'stored', 'a <new> name', newVda) ?? '';
    expect(parseDomain(xml).name).toBe('a <new> name');
  });
  test('none where libvirt kept none', () => {
    const bare = '<domainsnapshot><name>x</name></domainsnapshot>';
    expect(domainOfSnapshot(bare, 'live', 'web-01', newVda)).toBeNull();
  });
});

describe('the record of a snapshot', () => {
  const told = { current: false, hasMetadata: true };
  test('names the new overlay, the rest stays', () => {
    const after = snapshotWithOverlays(snapshot(), newVda);
    const record = parseSnapshot(after, told);
    expect(record.disks[0]?.source).toBe('/images/a & b.qcow2');
    expect({ ...record, xml: '', disks: [] }).toEqual({
      ...parseSnapshot(snapshot(), told),
      xml: '',
      disks: [],
    });
    expect(after.slice(after.indexOf('<domain '))).toBe(
      snapshot().slice(snapshot().indexOf('<domain ')),
    );
  });
  test('what libvirt noted of a revert is not true any more', () => {
    const reverted =
      "<revertDisks><disk name='vda' snapshot='external' type='file'>" +
      "<source file='/images/reverted.qcow2'/></disk></revertDisks>";
    expect(snapshotWithOverlays(snapshot(reverted), newVda)).not.toContain('revertDisks');
    expect(snapshotWithOverlays(snapshot(reverted), new Map())).toBe(snapshot(reverted));
  });
  test('a disk that is no part of it is left alone', () => {
    expect(snapshotWithOverlays(snapshot(), new Map([['vdb', '/x']]))).toBe(snapshot());
  });
});
