/** What a run waits for, and in what order that is looked at. */
import { describe, expect, test } from 'vitest';
import type { HostState, MachineId } from '#contract/domain.ts';
import type { WaitReason } from '#contract/plans.ts';
import { createConditions, type ConditionSources } from '#engine/schedule/check-conditions.ts';
import type { KeptPlan, PlannedMachine } from '#engine/schedule/conditions.ts';
import { sampleMs } from '#engine/schedule/guest-traffic.ts';
import { fakeWorld } from '../../../fakes/world.ts';

const machine = { id: 'host-1/web' as MachineId, uuid: 'u', name: 'web-01' } as PlannedMachine;
const attic = { id: 'attic', name: 'attic' } as never;
const plan = {
  zone: 'UTC',
  conditions: { notOnBattery: true, notMetered: true, window: null, busyBytesPerSecond: 1000 },
} as KeptPlan;
const withConditions = (change: Partial<KeptPlan['conditions']>): KeptPlan => ({
  ...plan,
  conditions: { ...plan.conditions, ...change },
});

function asked(change: Partial<ConditionSources> = {}, wanted: KeptPlan = plan) {
  const world = fakeWorld();
  const questions: string[] = [];
  const told = <T>(what: string, value: T) => {
    return () => {
      questions.push(what);
      return value;
    };
  };
  const connected = { kind: 'connected' } as HostState;
  const sources: ConditionSources = {
    host: told('host', { name: 'this computer', state: connected }),
    onBattery: told('battery', Promise.resolve(false)),
    metered: told('metered', Promise.resolve(false)),
    repository: told('repository', Promise.resolve('reachable' as const)),
    unfinished: told('unfinished', null),
    job: told('job', null),
    guestBytes: told('guest', Promise.resolve(0)),
    bytesInWords: (bytes) => `${bytes} bytes`,
    ...change,
  };
  const wait = async () => {
    const checking = createConditions(world, sources).check(wanted, machine, attic);
    await world.clock.advance(sampleMs);
    return checking;
  };
  return { world, questions, wait };
}

const busyGuest = () => {
  let bytes = 0;
  return () => Promise.resolve((bytes += 10_000));
};

test('with nothing in the way it may begin; the slow question came last', async () => {
  const { questions, wait } = asked();
  expect(await wait()).toBeNull();
  expect(questions).toEqual([
    ...['host', 'battery', 'metered', 'repository', 'unfinished', 'job', 'guest', 'guest'],
  ]);
});

test.each<[WaitReason, string, Partial<ConditionSources>]>([
  [
    'host-unreachable',
    'Waits for the host cellar, which cannot be reached.',
    { host: () => ({ name: 'cellar', state: { kind: 'failed' } as HostState }) },
  ],
  [
    'host-unreachable',
    'Waits for the host practice, which is not started.',
    { host: () => ({ name: 'practice', state: { kind: 'stopped' } }) },
  ],
  ['host-unreachable', 'Waits for a host that was removed here.', { host: () => null }],
  [
    'on-battery',
    'Waits until the computer is plugged in.',
    { onBattery: () => Promise.resolve(true) },
  ],
  [
    'metered',
    'Waits for a network that does not cost by the byte.',
    { metered: () => Promise.resolve(true) },
  ],
  [
    'repository-absent',
    'Waits for the folder of attic, which is not there.',
    { repository: () => Promise.resolve('absent') },
  ],
  [
    'repository-absent',
    'Waits for the folder of attic, which does not answer.',
    { repository: () => Promise.resolve('silent') },
  ],
  [
    'repository-absent',
    'Waits for attic: another repository is in its folder.',
    { repository: () => Promise.resolve('other') },
  ],
  [
    'repository-locked',
    'Waits for the password of attic, which is not remembered.',
    { repository: () => Promise.resolve('locked') },
  ],
  [
    'unfinished-change',
    'Waits until “Go back to clean” is finished or undone: it was cut off on web-01.',
    { unfinished: () => 'Go back to clean' },
  ],
  [
    'other-job',
    'Waits for “Back up web-01 to cellar”, which has the machine now.',
    { job: () => 'Back up web-01 to cellar' },
  ],
  [
    'machine-busy',
    'Waits until web-01 is less busy: it reads and writes 5000 bytes a second, ' +
      'more than 1000 bytes.',
    { guestBytes: busyGuest() },
  ],
])('%s: %s', async (reason, words, change) => {
  expect(await asked(change).wait()).toEqual({ reason, words });
});

test('outside its hours nothing else is asked', async () => {
  const hours = withConditions({ window: { from: '22:00', to: '06:00' } });
  const { questions, wait } = asked({}, hours); // it is 08:00 UTC
  expect(await wait()).toEqual({
    reason: 'outside-window',
    words: 'Waits for its hours, 22:00 to 06:00 (UTC).',
  });
  expect(questions).toEqual([]);
});

describe('what a person did not ask for', () => {
  const free = withConditions({
    notOnBattery: false,
    notMetered: false,
    busyBytesPerSecond: null,
  });

  test('is not looked at', async () => {
    const { questions, wait } = asked({}, free);
    expect(await wait()).toBeNull();
    expect(questions).toEqual(['host', 'repository', 'unfinished', 'job']);
  });
});

test('at the threshold it is not busy', async () => {
  let bytes = 0;
  const guestBytes = () => Promise.resolve((bytes += (1000 * sampleMs) / 1000));
  expect(await asked({ guestBytes }).wait()).toBeNull();
});

test('what cannot be found out stands in nobody’s way, and the rest is still asked', async () => {
  const broken = () => Promise.reject(new Error('no answer'));
  const lost = asked({ onBattery: broken, repository: broken, guestBytes: broken });
  expect(await lost.wait()).toBeNull();
  expect(lost.world.logged).toHaveLength(3);
  const still = asked({ onBattery: broken, unfinished: () => 'Delete old' });
  expect(await still.wait()).toMatchObject({ reason: 'unfinished-change' });
});

test('a zone that is not known does not keep a run for ever', async () => {
  const odd = { ...withConditions({ window: { from: '01:00', to: '02:00' } }), zone: 'Nowhere/X' };
  const { world, wait } = asked({}, odd);
  expect(await wait()).toBeNull();
  expect(world.logged).toHaveLength(1);
});
