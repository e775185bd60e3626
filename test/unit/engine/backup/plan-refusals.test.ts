import { describe, expect, test } from 'vitest';
import { planBackup, type BackupInput } from '#engine/backup/plan.ts';
import { disk, gib, input, mib, off } from '../../../fakes/backup-input.ts';

describe('how the disks are reached', () => {
  const rows = [true, false].flatMap((active) =>
    [true, false].flatMap((imagesReadable) =>
      [true, false].flatMap((hasManagedSave) =>
        [[], ['pci 0000:03:00.0']].map((hostDevices) => ({
          active,
          imagesReadable,
          hasManagedSave,
          hostDevices,
        })),
      ),
    ),
  );
  test.each(rows)('%o', ({ active, ...rest }) => {
    const { route, refuse } = planBackup(input({ machine: { name: 'web-01', active } }, rest));
    const refused = rest.hasManagedSave
      ? 'managed-save-present'
      : rest.hostDevices.length > 0
        ? 'host-devices-present'
        : undefined;
    const expected = active
      ? ['running', undefined]
      : rest.imagesReadable
        ? ['closed-image', undefined]
        : ['paused-start', refused];
    expect([route, refuse?.code]).toEqual(expected);
  });

  test('a refusal is a blocker on the plan with the same words, and nothing was harmed', () => {
    const { checks, refuse } = planBackup(
      input({ machine: off }, { imagesReadable: false, hostDevices: ['usb 1058:25ee'] }),
    );
    const blocker = checks.find(({ level }) => level === 'blocker');
    expect(blocker?.detail).toContain(refuse?.message);
    expect(blocker?.detail).toContain('usb 1058:25ee');
    expect(refuse?.data).toMatchObject({ devices: ['usb 1058:25ee'] });
    expect(refuse?.data['unharmed']).toBeDefined();
  });
});

describe('what forbids a backup', () => {
  test('no disks at all, and no disk left', () => {
    expect(planBackup(input({ disks: [] })).refuse?.code).toBe('machine-has-no-disks');
    const excluded = planBackup(input({ exclude: ['vda'] }));
    expect(excluded.refuse?.code).toBe('machine-has-no-disks');
    expect(excluded.refuse?.data['skipped']).toEqual([{ target: 'vda', reason: 'excluded' }]);
  });

  test('excluding a disk that does not exist: a typing error must not pass', () => {
    const { refuse } = planBackup(input({ exclude: ['vdz'] }));
    expect(refuse).toMatchObject({ code: 'invalid-input', data: { targets: ['vdz'] } });
  });

  test.each([
    ['6.9.0', 'unsupported'],
    ['5.10.2', 'unsupported'],
    ['6.10.0', undefined],
    ['11.3.0', undefined],
  ])('libvirt %s while it runs: %s', (libvirtVersion, code) => {
    expect(planBackup(input({}, { libvirtVersion })).refuse?.code).toBe(code);
  });

  test('a job that libvirt lost is told with the way out, before libvirt is waited for', () => {
    const { refuse } = planBackup(input({}, { lostJob: true }));
    expect(refuse?.code).toBe('machine-busy');
    expect(refuse?.data['advice']).toContain('restart libvirt');
  });

  test('an old libvirt does not matter for a closed image', () => {
    expect(planBackup(input({ machine: off }, { libvirtVersion: '5.0.0' })).refuse).toBeNull();
  });

  test.each([
    ['nothing measured: a twentieth of the disk', 10 * gib, null, Math.ceil(gib / 2)],
    ['little expected: at least 256 MiB', 10 * gib, mib, 256 * mib],
    ['much expected', 10 * gib, 3 * gib, 3 * gib],
    ['never more than the disk', 64 * mib, 3 * gib, 64 * mib],
  ])('scratch space, %s', (_what, sizeBytes, expectedDirtyBytes, needed) => {
    const plan = (freeScratchBytes: number | null) =>
      planBackup(
        input(
          { disks: [disk('vda', {}, { sizeBytes })] },
          { freeScratchBytes, expectedDirtyBytes },
        ),
      );
    const level = (free: number | null) =>
      plan(free).checks.find(({ id }) => id === 'scratch-space')?.level;
    expect(plan(needed).refuse).toBeNull();
    expect(level(needed)).toBe('ok');
    expect(level(null)).toBe('unknown');
    expect(level(needed - 1)).toBe('blocker');
    expect(plan(needed - 1).refuse).toMatchObject({
      code: 'no-space',
      data: { where: 'scratch', neededBytes: needed, freeBytes: needed - 1 },
    });
  });

  test('a machine that executes nothing needs no scratch space', () => {
    for (const imagesReadable of [true, false]) {
      const { refuse, checks } = planBackup(
        input({ machine: off }, { imagesReadable, freeScratchBytes: 0 }),
      );
      expect(refuse).toBeNull();
      expect(checks.some(({ id }) => id === 'scratch-space')).toBe(false);
    }
  });
});

describe('what a person is told', () => {
  const check = (given: BackupInput, id: string) =>
    planBackup(given).checks.find((one) => one.id === id);

  test.each([
    ['healthy', input(), 'ok'],
    ['not known', input({ health: 'unknown' }), 'unknown'],
    ['lost', input({ health: 'missing' }), 'warning'],
    ['first', input({ lastPoint: null }), 'ok'],
    ['asked', input({ reread: true }), 'ok'],
  ])('reference %s', (_what, given, level) => {
    expect(check(given, 'reference')?.level).toBe(level);
  });

  test('an old qcow2 gets the exact command, a raw image the two ways out', () => {
    const old = check(input({ disks: [disk('vda', {}, { qcowVersion: 2 })] }), 'not-trackable-vda');
    expect(old).toMatchObject({ level: 'warning' });
    expect(old?.detail).toContain('qemu-img amend -o compat=1.1 /images/vda.qcow2');
    const raw = check(input({ disks: [disk('vda', { format: 'raw' })] }), 'not-trackable-vda');
    expect(raw?.detail).toMatch(/qcow2.*overlay/);
  });

  test.each([
    ['agent answers', input(), 'ok'],
    ['agent silent', input({}, { agent: 'silent' }), 'warning'],
    ['no agent', input({}, { agent: 'none' }), 'warning'],
    ['off', input({ machine: off }, { agent: 'none' }), 'ok'],
    ['off with saved memory', input({ machine: off }, { hasManagedSave: true }), 'warning'],
  ])('consistency, %s', (_what, given, level) => {
    expect(check(given, 'consistency')?.level).toBe(level);
  });

  test('a shared disk left out is a warning, a CD-ROM is not', () => {
    const given = input({
      disks: [disk('vda'), disk('vdb', { shareable: true }), disk('sda', { device: 'cdrom' })],
    });
    expect(check(given, 'skipped-vdb')?.level).toBe('warning');
    expect(check(given, 'skipped-sda')?.level).toBe('ok');
  });

  test('every id is there once', () => {
    const given = input(
      {
        machine: off,
        disks: [disk('vda', { format: 'raw' }), disk('vdb', { format: 'raw' })],
        exclude: ['vdz'],
      },
      { imagesReadable: false, hasManagedSave: true, hostDevices: ['usb'], freeScratchBytes: 0 },
    );
    const ids = planBackup(given).checks.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(['exclude', 'managed-save', 'host-devices']));
  });
});
