import { describe, expect, it } from 'vitest';
import { parseDomain } from '#engine/hypervisor/domain-xml.ts';

const live = `<domain type='kvm' id='3'>
  <name>büro 1</name><uuid>AAAAAAAA-bbbb-4ccc-8ddd-eeeeeeeeeeee</uuid>
  <title>Office</title><description>the &quot;old&quot; one</description>
  <memory unit='GiB'>4</memory><currentMemory unit='KiB'>4194304</currentMemory>
  <vcpu placement='static' current='2'>4</vcpu>
  <os firmware='efi'><type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
    <loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>
    <nvram template='/usr/share/OVMF/OVMF_VARS_4M.fd'>/var/lib/libvirt/qemu/nvram/b.fd</nvram></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
      <source file='/img/top.qcow2' index='1'/>
      <backingStore type='file'><format type='qcow2'/><source file='/img/mid.qcow2'/>
        <backingStore type='file'><format type='raw'/><source file='/img/base.raw'/>
          <backingStore/></backingStore></backingStore>
      <target dev='vda' bus='virtio'/><serial>abc</serial><alias name='virtio-disk0'/></disk>
    <disk type='block' device='lun'><driver name='qemu' type='raw'/><source dev='/dev/sdb'/>
      <target dev='sda' bus='scsi'/><shareable/></disk>
    <disk type='network' device='disk'><driver name='qemu' type='raw'/>
      <source protocol='rbd' name='pool/image'><host name='x'/></source><target dev='vdb'/></disk>
    <disk type='volume' device='disk'><source pool='p' volume='v'/><target dev='vdc'/><transient/>
    </disk>
    <disk type='file' device='cdrom'><target dev='sdb' bus='sata'/><readonly/></disk>
    <disk type='nvme' device='disk'><source namespace='1'/><target dev='vdd'/></disk>
    <interface type='network'><mac address='52:54:00:01:02:03'/>
      <source network='default'/><model type='virtio'/></interface>
    <hostdev mode='subsystem' type='pci'><source>
      <address domain='0x0000' bus='0x03' slot='0x00' function='0x0'/></source></hostdev>
    <tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>
    <channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0' state='connected'/>
    </channel>
  </devices></domain>`;

describe('parseDomain', () => {
  const parsed = parseDomain(live);

  it('reads what a machine is', () => {
    expect(parsed).toMatchObject({
      uuid: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee',
      name: 'büro 1',
      title: 'Office',
      description: 'the "old" one',
      type: 'kvm',
      memoryBytes: 4 * 1024 ** 3,
      processors: 4,
      machineType: 'pc-q35-7.2',
      firmware: {
        kind: 'uefi',
        loaderPath: '/usr/share/OVMF/OVMF_CODE_4M.fd',
        pflash: true,
        nvramFormat: 'raw',
        nvramPath: '/var/lib/libvirt/qemu/nvram/b.fd',
        nvramTemplate: '/usr/share/OVMF/OVMF_VARS_4M.fd',
      },
      tpm: { present: true, emulated: true, version: '2.0' },
      hasAgentChannel: true,
      agentConnected: true,
      hostDevices: ['pci 0000:03:00.0'],
      interfaces: [
        { kind: 'network', mac: '52:54:00:01:02:03', source: 'default', model: 'virtio' },
      ],
    });
  });

  it('reads every kind of disk', () => {
    const brief = parsed.disks.map(({ target, device, sourceKind, source, format }) =>
      [target, device, sourceKind, source, format].join(' '),
    );
    expect(brief).toEqual([
      'vda disk file /img/top.qcow2 qcow2',
      'sda lun block /dev/sdb raw',
      'vdb disk network rbd:pool/image raw',
      'vdc disk volume p/v raw',
      'sdb cdrom none  raw',
      'vdd disk nvme  raw',
    ]);
    expect(parsed.disks[0]).toMatchObject({
      serial: 'abc',
      alias: 'virtio-disk0',
      chain: [
        { sourceKind: 'file', source: '/img/mid.qcow2', format: 'qcow2' },
        { sourceKind: 'file', source: '/img/base.raw', format: 'raw' },
      ],
    });
    expect(parsed.disks[1]?.chain).toBeNull();
    expect(
      parsed.disks.map(({ readOnly, shareable, transient }) => [readOnly, shareable, transient]),
    ).toEqual([
      [false, false, false],
      [false, true, false],
      [false, false, false],
      [false, false, true],
      [true, false, false],
      [false, false, false],
    ]);
  });

  it('reads the longest chain libvirt allows', () => {
    const below = (left: number): string =>
      left === 0
        ? '<backingStore/>'
        : `<backingStore type='file'><format type='qcow2'/><source file='/${left}'/>
           ${below(left - 1)}</backingStore>`;
    const { disks } = parseDomain(
      `<domain><devices><disk><source file='/top'/>${below(199)}</disk></devices></domain>`,
    );
    expect(disks[0]?.chain).toHaveLength(199);
  });

  it('reads the least a definition can have', () => {
    expect(parseDomain('<domain><name>x</name></domain>')).toMatchObject({
      name: 'x',
      memoryBytes: 0,
      processors: 1,
      firmware: { kind: 'bios' },
      disks: [],
      tpm: { present: false },
      emulator: null,
    });
  });

  it.each([
    ['<memory>1024</memory>', 1024 ** 2],
    ["<memory unit='bytes'>4096</memory>", 4096],
    ["<memory unit='KB'>3</memory>", 3000],
    ["<memory unit='MiB'>32</memory>", 32 * 1024 ** 2],
    ["<memory unit='TiB'>99999999999999999999</memory>", 0],
    ['<memory>much</memory>', 0],
  ])('reads %s', (memory, bytes) => {
    expect(parseDomain(`<domain>${memory}</domain>`).memoryBytes).toBe(bytes);
  });

  it('refuses what is not a domain', () => {
    expect(() => parseDomain('<pool/>')).toThrow(
      expect.objectContaining({ code: 'definition-refused' }),
    );
  });
});
