import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventName, Payload } from '#contract/contract.ts';
import type { HostId } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import { openCatalog, type Catalog } from '#engine/catalog/catalog.ts';
import { createFleet, type Fleet } from '#engine/fleet/fleet.ts';
import { retryDelaysMs } from '#engine/fleet/connection.ts';
import { machineId } from '#engine/fleet/machine-view.ts';
import { fakeHypervisor, type FakeHypervisor } from '../../../fakes/hypervisor.ts';
import { temporaryFolder, fakeWorld, type FakeWorld } from '../../../fakes/world.ts';

const uuid = '11111111-1111-4111-8111-111111111111';
const xml = (name: string) => `<domain type='qemu'><name>${name}</name><uuid>${uuid}</uuid>
  <memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type arch='x86_64'>hvm</type></os>
  <devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
  <source file='/i/a.qcow2'/><target dev='vda' bus='virtio'/></disk></devices></domain>`;

describe('the fleet', () => {
  let world: FakeWorld;
  let catalog: Catalog;
  let libvirt: FakeHypervisor;
  let fleet: Fleet;
  let refuse: AppError | null;
  const events: [EventName, unknown][] = [];

  const heard = <Name extends EventName>(name: Name) =>
    events.filter(([one]) => one === name).map(([, payload]) => payload as Payload<Name>);

  beforeEach(async () => {
    world = fakeWorld();
    catalog = await openCatalog(world, temporaryFolder());
    libvirt = fakeHypervisor();
    await libvirt.define(xml('web'));
    refuse = null;
    events.length = 0;
    fleet = createFleet({
      world,
      catalog,
      emit: (name, payload) => events.push([name, payload]),
      open: () => (refuse === null ? Promise.resolve(libvirt) : Promise.reject(refuse)),
      jobOf: () => null,
      changedOf: () => null,
      standingOf: () => null,
      onConnected: () => undefined,
    });
  });
  afterEach(async () => {
    await fleet.stop();
    catalog.close();
  });

  test('a host that answers is remembered with its machines', async () => {
    const host = await fleet.add('here', 'qemu:///session', false);
    expect(host).toMatchObject({ state: { kind: 'connected' }, machineCount: 1 });
    expect(fleet.machines(null)).toMatchObject([
      {
        name: 'web',
        state: 'off',
        protection: 'never',
        disks: [{ tracking: { kind: 'trackable' } }],
      },
    ]);
    expect(catalog.hosts.list()).toHaveLength(1);
  });

  test('a host that does not answer is not, and says why', async () => {
    refuse = new AppError('libvirt-permission', 'Not allowed.', { advice: 'Join the group.' });
    await expect(fleet.add('there', 'qemu:///system', false)).rejects.toMatchObject({
      code: 'libvirt-permission',
      data: { advice: 'Join the group.' },
    });
    expect(catalog.hosts.list()).toEqual([]);
  });

  test('what happens elsewhere is told: started, renamed by redefinition, removed', async () => {
    const host = await fleet.add('here', 'qemu:///session', false);
    const id = machineId(host.id, uuid);
    await world.clock.advance(100);
    events.length = 0;
    await libvirt.start(uuid);
    await expect
      .poll(async () => {
        await world.clock.advance(60);
        return heard('machines.changed').at(-1)?.machine.state;
      })
      .toBe('running');
    expect(fleet.machine(id).state).toBe('running');
    await libvirt.destroy(uuid);
    await libvirt.undefine(uuid);
    await expect.poll(() => heard('machines.removed')).toEqual([{ machine: id }]);
    expect(() => fleet.find(id)).toThrow(expect.objectContaining({ code: 'machine-not-found' }));
  });

  test('a lost host says so; when it is back everything is read again', async () => {
    const host = await fleet.add('here', 'qemu:///session', false);
    libvirt.lose();
    expect(fleet.host(host.id).state.kind).toBe('failed');
    expect(() => fleet.hypervisor(host.id)).toThrow(
      expect.objectContaining({ code: 'libvirt-connection-lost' }),
    );
    const known = libvirt.machines.get(uuid);
    if (known !== undefined) known.state = 'running';
    libvirt.restore();
    await expect.poll(() => fleet.host(host.id).state.kind).toBe('connected');
    expect(fleet.machine(machineId(host.id, uuid)).state).toBe('running');
  });

  test('tries again by itself, but not where only a person can help', async () => {
    const id = 'host' as HostId;
    catalog.hosts.insert({ id, name: 'later', uri: 'qemu:///system', practice: false });
    refuse = new AppError('libvirt-not-running', 'Nothing answers.');
    fleet.start();
    await fleet.settled();
    expect(fleet.host(id).state).toMatchObject({
      kind: 'failed',
      retryAt: world.clock.now() + (retryDelaysMs[0] ?? 0),
    });
    refuse = null;
    await world.clock.advance(retryDelaysMs[0] ?? 0);
    await expect.poll(() => fleet.host(id).state.kind).toBe('connected');

    refuse = new AppError('libvirt-permission', 'Not allowed.');
    const other = 'other' as HostId;
    catalog.hosts.insert({ id: other, name: 'never', uri: 'qemu:///system', practice: false });
    await fleet.retry(other);
    expect(fleet.host(other).state).toMatchObject({ kind: 'failed', retryAt: null });
  });

  test('a name is taken once', async () => {
    await fleet.add('here', 'qemu:///session', false);
    await expect(fleet.add('here', 'qemu:///system', false)).rejects.toMatchObject({
      code: 'name-taken',
    });
  });
});
