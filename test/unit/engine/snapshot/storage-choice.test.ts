import { describe, expect, test } from 'vitest';
import type { MachineFacts } from '#engine/interlock/facts.ts';
import { planCreate } from '#engine/snapshot/plan-create.ts';
import {
  askCreate as ask,
  created,
  extraDisk,
  facts,
  factsWith,
  reasonsOf,
  withHostDevice,
  withUefi,
  type Create,
} from './ask.ts';

describe('inside or beside the images', () => {
  const off = facts({ state: 'off' });
  const rows: readonly (readonly [string, MachineFacts, Partial<Create>, string | string[]])[] = [
    ['running with memory → internal', facts(), {}, 'internal'],
    ['running with memory, asked for external', facts(), { storage: 'external' }, 'external'],
    ['B9 disks only of a running machine → external', facts(), { memory: false }, 'external'],
    [
      'B9 … asked for internal → refused',
      facts(),
      { memory: false, storage: 'internal' },
      ['disks-only-running'],
    ],
    ['off → internal', off, {}, 'internal'],
    ['off, asked for external', off, { storage: 'external' }, 'external'],
    ['B5 beside internal ones → internal', factsWith('internal'), {}, 'internal'],
    ['B5 beside external ones → external', factsWith('external'), {}, 'external'],
    [
      'B5 external beside internal ones → refused',
      factsWith('internal'),
      { storage: 'external' },
      ['existing-internal'],
    ],
    [
      'B5 internal beside external ones → refused',
      factsWith('external'),
      { storage: 'internal' },
      ['existing-external'],
    ],
    [
      'B5, B9 disks only beside internal ones → refused',
      factsWith('internal'),
      { memory: false },
      ['disks-only-running', 'existing-internal'],
    ],
    [
      'B5 where others mixed both → refused',
      {
        ...factsWith('internal'),
        snapshots: [...factsWith('internal').snapshots, ...factsWith('external').snapshots],
      },
      {},
      ['existing-mixed'],
    ],
    ['B8 a raw disk → external', facts({ disks: ['qcow2', 'raw'] }), {}, 'external'],
    [
      'B8 a raw disk, asked for internal → refused',
      facts({ disks: ['raw'] }),
      { storage: 'internal' },
      ['not-qcow2'],
    ],
    [
      'one disk of two with memory → refused',
      facts({ disks: ['qcow2', 'qcow2'] }),
      { disks: ['vda'] },
      ['memory-needs-all', 'not-all-disks'],
    ],
    [
      'B8 one disk of two → external',
      facts({ disks: ['qcow2', 'qcow2'] }),
      { disks: ['vda'], memory: false },
      'external',
    ],
    ['B10 a network disk → external', extraDisk(facts(), 'vdb', 'network'), {}, 'external'],
    ['B10 a shared disk → external', extraDisk(facts(), 'vdb', 'shared'), {}, 'external'],
    ['B10 a LUN → external', extraDisk(facts(), 'vdb', 'passthrough'), {}, 'external'],
    ['B10 a vhost-user disk → external', extraDisk(facts(), 'vdb', 'vhost-user'), {}, 'external'],
    ['B10 a read-only disk → internal', extraDisk(facts(), 'vdb', 'read-only'), {}, 'internal'],
    ['B10 a CD-ROM → internal', extraDisk(facts(), 'sda', 'cdrom'), {}, 'internal'],
    [
      'a disk that cannot take part, named → refused',
      extraDisk(facts(), 'vdb', 'network'),
      { disks: ['vdb'] },
      ['unknown-disk', 'memory-needs-all', 'left-out-disk'],
    ],
    ['B6 UEFI on 9.0 → external', facts({}, withUefi('raw')), {}, 'external'],
    ['B6 UEFI on 9.9 → external', facts({ libvirt: 9_009_000 }, withUefi('qcow2')), {}, 'external'],
    [
      'B6 UEFI on 10.9 → external',
      facts({ libvirt: 10_009_000 }, withUefi('qcow2')),
      {},
      'external',
    ],
    [
      'B6 UEFI on 10.10, qcow2 variables → internal',
      facts({ libvirt: 10_010_000 }, withUefi('qcow2')),
      {},
      'internal',
    ],
    [
      'B6 UEFI on 10.10, raw variables → external',
      facts({ libvirt: 10_010_000 }, withUefi('raw')),
      {},
      'external',
    ],
    ['B7 libvirt 11.2 → external', facts({ libvirt: 11_002_000 }), {}, 'external'],
    ['B7 libvirt 11.3 → internal', facts({ libvirt: 11_003_000 }), {}, 'internal'],
    ['libvirt 12.0 → internal', facts({ libvirt: 12_000_000 }), {}, 'internal'],
    ['B2 libvirt 8 → internal', facts({ libvirt: 8_000_000 }), {}, 'internal'],
    [
      'B2 external on libvirt 8 → refused',
      facts({ libvirt: 8_000_000 }),
      { memory: false },
      ['disks-only-running', 'old-libvirt'],
    ],
    ['B21 host devices, memory → refused', withHostDevice(facts()), {}, ['host-devices']],
    [
      'B21 host devices, disks only → external',
      withHostDevice(facts()),
      { memory: false },
      'external',
    ],
    ['B21 host devices, off → internal', withHostDevice(off), {}, 'internal'],
  ];
  test.each(rows)('%s', (_row, given, asked, expected) => {
    const plan = planCreate(given, ask(asked));
    if (typeof expected !== 'string') {
      expect(reasonsOf(plan)).toEqual(expected);
      expect(plan).toMatchObject({ verdict: 'refused', steps: [], storage: null });
      return;
    }
    expect(plan.verdict).toBe('allowed');
    expect(plan.storage?.chosen).toBe(expected);
    const kinds = [...created(plan).xml.matchAll(/ snapshot="(internal|external)"/g)];
    expect(new Set(kinds.map(([, kind]) => kind))).toEqual(new Set([expected]));
  });

  test('what was not chosen says why', () => {
    const { storage } = planCreate(facts({ disks: ['raw'] }), ask());
    expect(storage?.why).toContain('vda is raw');
    expect(storage?.other).toEqual({
      allowed: false,
      why: 'Only qcow2 images can hold a snapshot. vda is raw.',
    });
    expect(planCreate(facts(), ask()).storage?.other.allowed).toBe(true);
  });

  test('a refusal offers what is possible', () => {
    const plan = planCreate(factsWith('internal'), ask({ memory: false }));
    expect(plan.alternatives.map(({ title }) => title)).toEqual(['Take the snapshot with memory']);
    const [alternative] = plan.alternatives;
    expect(planCreate(factsWith('internal'), alternative?.action as Create).verdict).toBe(
      'allowed',
    );
    const devices = planCreate(withHostDevice(facts()), ask());
    expect(devices.alternatives.map(({ title }) => title)).toEqual([
      'Take the snapshot without memory',
    ]);
  });
});
