import { beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '#contract/errors.ts';
import { explainFailure } from '#engine/backup/failure.ts';
import { fakeHypervisor, type FakeHypervisor } from '../../../fakes/hypervisor.ts';

const uuid = '11111111-1111-4111-8111-111111111111';
const machine = { uuid, name: 'web' };
const cut = new AppError('nbd-connection-lost', 'The connection was cut.');

describe('why a backup failed', () => {
  let libvirt: FakeHypervisor;
  beforeEach(async () => {
    libvirt = fakeHypervisor();
    await libvirt.define(`<domain type='qemu'><name>web</name><uuid>${uuid}</uuid>
      <memory>1024</memory><os><type>hvm</type></os><devices/></domain>`);
    await libvirt.start(uuid);
  });

  const codeOf = async (error: unknown, route: 'running' | 'closed-image' = 'running') => {
    const explained = await explainFailure(libvirt, machine, route, error);
    expect(explained).toBeInstanceOf(AppError);
    return (explained as AppError).code;
  };

  test('a cut socket is a machine that was switched off', async () => {
    await libvirt.destroy(uuid);
    expect(await codeOf(cut)).toBe('machine-stopped');
  });

  test('unless it was off anyway', async () => {
    await libvirt.destroy(uuid);
    expect(await codeOf(cut, 'closed-image')).toBe('nbd-connection-lost');
  });

  test('or one that was removed, or a libvirt that went away', async () => {
    await libvirt.destroy(uuid);
    await libvirt.undefine(uuid);
    expect(await codeOf(cut)).toBe('machine-gone');
    libvirt.lose();
    expect(await codeOf(cut)).toBe('libvirt-connection-lost');
  });

  test('what libvirt refused also says what is unharmed and what to do', async () => {
    const refused = new AppError('libvirt-error', 'Permission denied', { code: 38 });
    expect(await explainFailure(libvirt, machine, 'running', refused)).toMatchObject({
      code: 'libvirt-error',
      message: 'Permission denied',
      data: {
        code: 38,
        unharmed: expect.any(String) as string,
        advice: expect.any(String) as string,
      },
    });
  });

  test('cancelled stays cancelled', async () => {
    await libvirt.destroy(uuid);
    expect(await codeOf(new AppError('cancelled', 'Cancelled.'))).toBe('cancelled');
  });
});
