import { beforeEach, expect, onTestFinished, test } from 'vitest';
import type { HostId, Machine, MachineId } from '#contract/domain.ts';
import { openCatalog, type Catalog } from '#engine/catalog/catalog.ts';
import { lookAtChangesMs, watchTriggers, type TriggerRooms } from '#engine/handlers/triggers.ts';
import type { HypervisorEvent } from '#engine/hypervisor/hypervisor.ts';
import type { Trigger } from '#engine/schedule/scheduler.ts';
import { handClockStart } from '../../../fakes/clock.ts';
import { hostRecord, point, repositoryRecord, webUuid } from '../../../fakes/records.ts';
import { fakeWorld, temporaryFolder, type FakeWorld } from '../../../fakes/world.ts';

const host = hostRecord().id;
const web = `${host}/${webUuid}` as MachineId;

let world: FakeWorld;
let catalog: Catalog;
let changed: Machine['changed'];
let busy: boolean;
let triggered: (readonly [Trigger, MachineId])[];
let say: (event: HypervisorEvent) => void;
let stop: () => void;
let refuse: Error | null;

beforeEach(async () => {
  world = fakeWorld();
  catalog = await openCatalog(world, temporaryFolder());
  catalog.repositories.insert(repositoryRecord());
  changed = null;
  busy = false;
  triggered = [];
  refuse = null;
  let listener: ((id: HostId, event: HypervisorEvent) => void) | null = null;
  const rooms = {
    ...{ world, catalog },
    fleet: {
      connected: () => [web],
      on: (hear: (id: HostId, event: HypervisorEvent) => void) => {
        listener = hear;
        return () => {
          listener = null;
        };
      },
    },
    jobs: { ofMachine: () => (busy ? 'job' : null) },
    checkpointStates: { changedOf: () => changed },
  } as unknown as TriggerRooms;
  stop = watchTriggers(rooms, {
    trigger: (what, machine) => {
      if (refuse !== null) throw refuse;
      triggered.push([what, machine]);
      return [];
    },
  });
  say = (event) => listener?.(host, event);
  onTestFinished(() => {
    stop();
    catalog.close();
  });
});

const lifecycle = (event: 'stopped' | 'shutdown' | 'started', detail: number): HypervisorEvent => ({
  ...{ kind: 'lifecycle', uuid: webUuid },
  ...{ event, detail },
});

test('a guest that ended itself, and nothing else that stops a machine', () => {
  for (const detail of [1, 2, 3, 4, 5, 6]) say(lifecycle('stopped', detail));
  say(lifecycle('shutdown', 0)); // it still runs then
  say(lifecycle('started', 0));
  say({ kind: 'connection', state: 'restored' });
  expect(triggered).toEqual([]);
  say(lifecycle('stopped', 0));
  expect(triggered).toEqual([[{ kind: 'shutdown' }, web]]);
});

test('what was written is looked at again and again', async () => {
  await world.clock.advance(lookAtChangesMs);
  expect(triggered).toEqual([]); // nobody knows yet
  changed = { bytes: 5000, since: handClockStart, at: handClockStart + 1 };
  await world.clock.advance(2 * lookAtChangesMs);
  const expected = [{ kind: 'changed', bytes: 5000 }, web];
  expect(triggered).toEqual([expected, expected]);
});

test('what was measured before the newest point is in it', async () => {
  catalog.points.insertPoint(point('01A', { time: handClockStart + 10 }));
  changed = { bytes: 5000, since: handClockStart, at: handClockStart + 10 };
  await world.clock.advance(lookAtChangesMs);
  expect(triggered).toEqual([]);
  changed = { ...changed, at: handClockStart + 11 };
  await world.clock.advance(lookAtChangesMs);
  expect(triggered).toHaveLength(1);
});

test('a machine that is worked on is asked about later', async () => {
  changed = { bytes: 5000, since: handClockStart, at: handClockStart + 1 };
  busy = true;
  await world.clock.advance(lookAtChangesMs);
  expect(triggered).toEqual([]);
  busy = false;
  await world.clock.advance(lookAtChangesMs);
  expect(triggered).toHaveLength(1);
});

test('once ended it hears and looks no more', async () => {
  stop();
  changed = { bytes: 5000, since: handClockStart, at: handClockStart + 1 };
  say(lifecycle('stopped', 0));
  await world.clock.advance(10 * lookAtChangesMs);
  expect(triggered).toEqual([]);
  expect(world.clock.waiting).toBe(0);
});

test('what breaks once is logged, and is looked at again', async () => {
  changed = { bytes: 5000, since: handClockStart, at: handClockStart + 1 };
  refuse = new Error('the catalog is full');
  await world.clock.advance(lookAtChangesMs);
  expect(() => {
    say(lifecycle('stopped', 0));
  }).not.toThrow();
  expect(world.logged.filter(({ level }) => level === 'error')).toHaveLength(2);
  refuse = null;
  await world.clock.advance(lookAtChangesMs);
  expect(triggered).toHaveLength(1);
});
