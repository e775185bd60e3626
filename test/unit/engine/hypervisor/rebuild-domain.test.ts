import { describe, expect, it } from 'vitest';
import { parseDomain } from '#engine/hypervisor/domain-xml.ts';
import { rebuildDomain, type DomainChange } from '#engine/hypervisor/rebuild-domain.ts';
import { maxXmlCharacters, maxXmlDepth, maxXmlElements } from '#engine/hypervisor/xml.ts';

const newUuid = '11111111-2222-4333-8444-555555555555';
let macs = 0;
const change: DomainChange = {
  name: 'Kopie <1> & "2"',
  uuid: newUuid,
  macs: () => `52:54:00:00:00:0${++macs}`,
  disks: new Map([['vda', { path: '/restored/vda.qcow2', format: 'qcow2' }]]),
  network: 'disconnected',
};

function domain(parts: { readonly top?: string; readonly devices?: string; readonly os?: string }) {
  return `<domain type='kvm' id='7' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
    <name>original</name><uuid>aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee</uuid>
    <memory unit='KiB'>1048576</memory><vcpu placement='static'>2</vcpu>
    ${parts.top ?? ''}
    <os>${parts.os ?? "<type arch='x86_64' machine='pc-q35-7.2'>hvm</type><boot dev='hd'/>"}</os>
    <devices>${parts.devices ?? ''}</devices></domain>`;
}

function rebuilt(parts: Parameters<typeof domain>[0], given: Partial<DomainChange> = {}) {
  macs = 0;
  const result = rebuildDomain(domain(parts), { ...change, ...given });
  const told = result.changes.map(({ kind, what }) => `${kind}: ${what}`);
  return { ...result, told, definition: parseDomain(result.xml) };
}

describe('rebuildDomain', () => {
  it('gives a new name and uuid and keeps what makes the machine what it is', () => {
    const { xml, definition } = rebuilt({
      top: `<title>Büro</title><description>a &lt;b&gt;</description>
        <features><acpi/><kvm><hidden state='on'/></kvm><smm state='on'/></features>
        <cpu mode='host-passthrough' check='none' migratable='on'/>
        <clock offset='localtime'><timer name='rtc' tickpolicy='catchup'/></clock>
        <on_reboot>restart</on_reboot>`,
      devices: `<controller type='pci' index='1' model='pcie-root-port'>
          <target chassis='1' port='0x10'/>
          <address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0'/></controller>
        <input type='tablet' bus='usb'/><memballoon model='virtio'/>
        <tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>`,
    });
    expect(definition).toMatchObject({
      name: change.name,
      uuid: newUuid,
      title: 'Büro',
      description: 'a <b>',
      memoryBytes: 1024 ** 3,
      processors: 2,
      machineType: 'pc-q35-7.2',
      tpm: { present: true, emulated: true, version: '2.0' },
    });
    expect(xml).toContain('<hidden state="on"/>');
    expect(xml).toContain('<cpu mode="host-passthrough" check="none" migratable="on"/>');
    expect(xml).toContain('<timer name="rtc" tickpolicy="catchup"/>');
    expect(xml).toContain('<target chassis="1" port="0x10"/>');
    expect(xml).not.toContain('id="7"');
  });

  it('puts disks only where it was told, and empties drives', () => {
    const { xml, told, definition } = rebuilt({
      devices: `
        <disk type='file' device='disk'><driver name='qemu' type='raw' cache='none' iothread='1'/>
          <source file='/etc/shadow'/><target dev='vda' bus='virtio'/><serial>S1</serial></disk>
        <disk type='block' device='disk'><source dev='/dev/sda'/>
          <target dev='vdb' bus='virtio'/></disk>
        <disk type='network' device='disk'><source protocol='rbd' name='pool/x'/>
          <target dev='vdc' bus='virtio'/></disk>
        <disk type='file' device='cdrom'><source file='/root/secret.iso'/>
          <target dev='sda' bus='sata'/><readonly/></disk>`,
    });
    expect(definition.disks.map(({ target, source, format }) => [target, source, format])).toEqual([
      ['vda', '/restored/vda.qcow2', 'qcow2'],
      ['sda', null, 'raw'],
    ]);
    expect(definition.disks[0]?.serial).toBe('S1');
    expect(xml).toContain('cache="none" iothread="1"');
    expect(told).toContain('kept-out: disk vdb');
    expect(told).toContain('kept-out: disk vdc');
    expect(told).toContain('kept-out: medium in sda: /root/secret.iso');
    for (const foreign of ['/etc/shadow', '/dev/sda', 'rbd', 'secret.iso']) {
      expect(xml).not.toContain(foreign);
    }
  });

  const hostile: readonly (readonly [string, Parameters<typeof domain>[0], string, string])[] = [
    [
      'QEMU arguments',
      { top: "<qemu:commandline><qemu:arg value='-evil'/></qemu:commandline>" },
      '-evil',
      'kept-out: qemu:commandline',
    ],
    [
      'a program to run',
      { devices: '<emulator>/srv/evil.sh</emulator>' },
      'evil.sh',
      'kept-out: emulator /srv/evil.sh',
    ],
    [
      'a PCI device',
      {
        devices: `<hostdev mode='subsystem' type='pci' managed='yes'><source>
        <address domain='0x0000' bus='0x03' slot='0x00' function='0x1'/></source></hostdev>`,
      },
      'hostdev',
      'kept-out: hostdev pci 0000:03:00.1',
    ],
    [
      'a USB device',
      {
        devices: `<hostdev mode='subsystem' type='usb'><source>
        <vendor id='0x1058'/><product id='0x25ee'/></source></hostdev>`,
      },
      'hostdev',
      'kept-out: hostdev usb 1058:25ee',
    ],
    [
      'a shared folder',
      {
        devices: "<filesystem type='mount'><source dir='/home'/><target dir='x'/></filesystem>",
      },
      '/home',
      'kept-out: filesystem /home',
    ],
    [
      'a serial port on a host device',
      { devices: "<serial type='dev'><source path='/dev/ttyS0'/><target port='0'/></serial>" },
      '/dev/ttyS0',
      'changed: serial dev: a terminal',
    ],
    [
      'a serial port on TCP',
      {
        devices: "<serial type='tcp'><source mode='bind' host='0.0.0.0' service='4555'/></serial>",
      },
      '4555',
      'changed: serial tcp: a terminal',
    ],
    [
      'a channel on a host socket',
      {
        devices: `<channel type='unix'><source mode='connect' path='/run/docker.sock'/>
        <target type='virtio' name='org.evil'/></channel>`,
      },
      'docker.sock',
      'kept-out: channel org.evil',
    ],
    [
      'a kernel of the host',
      { os: '<type>hvm</type><kernel>/boot/vmlinuz</kernel><cmdline>init=/x</cmdline>' },
      'vmlinuz',
      'kept-out: os/kernel: /boot/vmlinuz',
    ],
    [
      'firmware from anywhere',
      { os: "<type>hvm</type><loader readonly='no' type='pflash'>/etc/shadow</loader>" },
      '/etc/shadow',
      'changed: firmware /etc/shadow: chosen by libvirt',
    ],
    [
      'firmware by a path that climbs',
      { os: "<type>hvm</type><loader type='pflash'>/usr/share/OVMF/../../../etc/shadow</loader>" },
      'shadow',
      'changed: firmware /usr/share/OVMF/../../../etc/shadow: chosen by libvirt',
    ],
    [
      'a template from anywhere',
      { os: "<type>hvm</type><nvram template='/etc/shadow'>/x</nvram>" },
      'shadow',
      'kept-out: firmware template /etc/shadow',
    ],
    [
      'files of the host in fw_cfg',
      {
        top: "<sysinfo type='fwcfg'><entry name='opt/x' file='/etc/shadow'/></sysinfo>",
      },
      'shadow',
      'kept-out: sysinfo',
    ],
    [
      'an ACPI table',
      { os: "<type>hvm</type><acpi><table type='slic'>/etc/shadow</table></acpi>" },
      'shadow',
      'kept-out: os/acpi: /etc/shadow',
    ],
    [
      'metadata',
      { top: '<metadata><x>libosinfo</x></metadata>' },
      'libosinfo',
      'kept-out: metadata',
    ],
    [
      'a security label',
      { top: "<seclabel type='none' model='apparmor'/>" },
      'apparmor',
      'kept-out: seclabel',
    ],
    [
      'processors of the host',
      { top: "<cputune><vcpupin vcpu='0' cpuset='3'/></cputune>" },
      'cpuset',
      'kept-out: cputune',
    ],
    [
      'random numbers from a network service',
      {
        devices: `<rng model='virtio'><backend model='egd' type='tcp'>
        <source mode='connect' host='evil' service='1'/></backend></rng>`,
      },
      'evil',
      'changed: random numbers from egd: /dev/urandom',
    ],
    [
      'random numbers from a file',
      { devices: "<rng model='virtio'><backend model='random'>/etc/shadow</backend></rng>" },
      'shadow',
      'changed: random numbers from /etc/shadow: /dev/urandom',
    ],
    [
      'a TPM of the host',
      {
        devices: `<tpm model='tpm-tis'><backend type='passthrough'>
          <device path='/dev/tpm0'/></backend></tpm>`,
      },
      'tpm0',
      'kept-out: tpm',
    ],
    [
      'an input device of the host',
      { devices: "<input type='evdev'><source dev='/dev/input/event1'/></input>" },
      'event1',
      'kept-out: input',
    ],
    [
      'shared memory',
      { devices: "<shmem name='x'><model type='ivshmem-plain'/></shmem>" },
      'shmem',
      'kept-out: shmem x',
    ],
    [
      'an element named like a property',
      { top: '<constructor>x</constructor><__proto__>y</__proto__>' },
      'constructor',
      'kept-out: constructor',
    ],
    [
      'an option ROM',
      {
        devices: `<interface type='user'><rom file='/etc/shadow'/>
          <mac address='52:54:00:aa:bb:cc'/></interface>`,
      },
      'shadow',
      'kept-out: network card 52:54:00:aa:bb:cc: rom',
    ],
    [
      'a script for the network',
      {
        devices: `<interface type='ethernet'><script path='/srv/evil.sh'/>
          <mac address='52:54:00:aa:bb:cc'/></interface>`,
      },
      'evil.sh',
      'kept-out: network card 52:54:00:aa:bb:cc: script',
    ],
  ];

  it.each(hostile)('leaves out %s and says so', (_, parts, trace, message) => {
    const { xml, told } = rebuilt(parts);
    expect(xml).not.toContain(trace);
    expect(told).toContain(message);
  });

  it('opens screens to this computer only, without a password or a socket', () => {
    const { xml, told } = rebuilt({
      devices: `<graphics type='vnc' port='5900' listen='0.0.0.0' passwd='geheim'>
        <listen type='address' address='0.0.0.0'/></graphics>
        <graphics type='egl-headless'><gl rendernode='/dev/dri/renderD128'/></graphics>`,
    });
    expect(xml).toContain('<listen type="address" address="127.0.0.1"/>');
    for (const trace of ['geheim', '0.0.0.0', '5900', 'dri']) expect(xml).not.toContain(trace);
    expect(told).toContain('changed: screen (vnc): this computer only');
    expect(told).toContain('kept-out: graphics egl-headless');
  });

  it('keeps the guest agent on a socket of libvirt’s choice', () => {
    const { xml, definition } = rebuilt({
      devices: `<channel type='unix'><source mode='bind' path='/srv/agent.sock'/>
        <target type='virtio' name='org.qemu.guest_agent.0'/></channel>`,
    });
    expect(definition.hasAgentChannel).toBe(true);
    expect(xml).not.toContain('agent.sock');
  });

  it('unplugs network cards and gives each a new address', () => {
    const cards = `<interface type='bridge'><mac address='52:54:00:aa:bb:cc'/><source bridge='br0'/>
        <model type='virtio'/></interface>
      <interface type='direct'><mac address='52:54:00:aa:bb:dd'/><source dev='eth0'/></interface>`;
    const unplugged = rebuilt({ devices: cards });
    expect(unplugged.definition.interfaces).toMatchObject([
      { kind: 'user', mac: '52:54:00:00:00:01', model: 'virtio' },
      { kind: 'user', mac: '52:54:00:00:00:02' },
    ]);
    expect(unplugged.xml.match(/<link state="down"\/>/g)).toHaveLength(2);
    const connected = rebuilt({ devices: cards }, { network: 'connected' });
    expect(connected.definition.interfaces).toMatchObject([
      { kind: 'bridge', source: 'br0', mac: '52:54:00:00:00:01' },
      { kind: 'user' }, // macvtap reaches the network past libvirt's bridges
    ]);
    expect(connected.xml).not.toContain('eth0');
  });

  it('keeps firmware of this host’s packages and takes the restored variables', () => {
    const os = `<type machine='q35'>hvm</type>
      <loader readonly='yes' secure='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.ms.fd</loader>
      <nvram template='/usr/share/OVMF/OVMF_VARS_4M.ms.fd'>/var/lib/nvram/o.fd</nvram>`;
    const restored = rebuilt({ os }, { nvram: '/restored/firmware.fd' });
    expect(restored.definition.firmware).toMatchObject({
      kind: 'uefi',
      loaderPath: '/usr/share/OVMF/OVMF_CODE_4M.ms.fd',
      nvramPath: '/restored/firmware.fd',
      nvramTemplate: '/usr/share/OVMF/OVMF_VARS_4M.ms.fd',
    });
    const fresh = rebuilt({ os });
    expect(fresh.definition.firmware).toMatchObject({ nvramPath: null });
    expect(fresh.xml).not.toContain('o.fd');
  });

  it('hands over a host device only with consent, and only as an address', () => {
    const devices = `<hostdev mode='subsystem' type='pci' managed='yes'><driver name='vfio'/>
      <source>
      <address domain='0x0000' bus='0x03' slot='0x00' function='0x1'/></source>
      <rom file='/etc/shadow'/></hostdev>`;
    const { xml } = rebuilt({ devices }, { allow: new Set(['host-devices']) });
    expect(xml).toContain('bus="0x03"');
    expect(xml).not.toContain('shadow');
  });

  it.each([
    ['a document type', `<!DOCTYPE domain [<!ENTITY x SYSTEM "file:///etc/passwd">]><domain/>`],
    [
      'a billion laughs',
      `<!DOCTYPE z [<!ENTITY a "aa"><!ENTITY b "&a;&a;&a;&a;">]><domain><name>&b;</name></domain>`,
    ],
    ['an unknown entity', '<domain type="kvm"><name>&boom;</name></domain>'],
    ['too many levels', `${'<a>'.repeat(maxXmlDepth + 1)}${'</a>'.repeat(maxXmlDepth + 1)}`],
    ['hundreds of thousands of levels', '<a>'.repeat(maxXmlElements + 1)],
    ['too much text', `<domain type="kvm"><name>${'x'.repeat(maxXmlCharacters)}</name></domain>`],
    ['a missing end', '<domain type="kvm"><name>x</domain>'],
    ['two roots', '<domain type="kvm"/><domain type="kvm"/>'],
    ['a doubled attribute', '<domain type="kvm" type="qemu"/>'],
    ['another document', '<network/>'],
    ['another hypervisor', '<domain type="lxc"><os/></domain>'],
    ['nothing', ''],
  ])('refuses %s', (_, xml) => {
    expect(() => rebuildDomain(xml, change)).toThrow(
      expect.objectContaining({ code: 'definition-refused' }),
    );
  });

  it('accepts nesting up to the limit', () => {
    const depth = maxXmlDepth - 2; // inside <domain><metadata>
    const deep = `<metadata>${'<a>'.repeat(depth)}${'</a>'.repeat(depth)}</metadata>`;
    expect(rebuilt({ top: deep }).told).toContain('kept-out: metadata');
  });
});
