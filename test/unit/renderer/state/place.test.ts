import { expect, test } from 'vitest';
import type { HostId, JobId, MachineId, PointId, RepositoryId } from '#contract/domain.ts';
import type { PlanId } from '#contract/plans.ts';
import { addressOf, placeAt, type Place } from '../../../../src-renderer/state/place.ts';

const machine = 'qemu:///session?socket=/run/x/8c1f' as MachineId;
const places: readonly Place[] = [
  { kind: 'first-run' },
  { kind: 'machines', host: null },
  { kind: 'machines', host: 'rack & roll' as HostId },
  { kind: 'machine', machine, selected: null },
  { kind: 'machine', machine, selected: { kind: 'point', id: '01KAH7Q2' as PointId } },
  { kind: 'machine', machine, selected: { kind: 'snapshot', id: 'vor dem Umzug / 50 %' } },
  { kind: 'machine', machine, selected: { kind: 'checkpoint', id: 'waymark-01' } },
  { kind: 'plans' },
  { kind: 'plan', plan: 'p/1' as PlanId },
  { kind: 'create-plan', start: 'everything' },
  { kind: 'create-plan', start: 'unplanned' },
  { kind: 'create-plan', start: machine },
  { kind: 'edit-plan', plan: 'p/1' as PlanId, step: null },
  { kind: 'edit-plan', plan: 'p/1' as PlanId, step: 'keep' },
  { kind: 'repositories' },
  { kind: 'repository', repository: 'r/1' as RepositoryId },
  { kind: 'jobs' },
  { kind: 'job', job: 'j1' as JobId },
  { kind: 'history' },
  { kind: 'settings' },
  { kind: 'backup', machine: null },
  { kind: 'backup', machine },
  { kind: 'restore', machine: null, point: null },
  { kind: 'restore', machine, point: 'p+1' as PointId },
];

test.each(places)('%o comes back from its address', (place) => {
  expect(placeAt(addressOf(place))).toEqual(place);
});

test.each(['', '#', '#/', '#/nowhere', '#/machine', '#/machine/%zz', '#token=secret'])(
  'an address nobody wrote leads home: %s',
  (address) => {
    expect(placeAt(address)).toEqual({ kind: 'machines', host: null });
  },
);
