import { expect, test } from 'vitest';
import type { HostId, Machine, MachineId } from '#contract/domain.ts';
import { membersNow } from '../../../../../src-renderer/views/edit-plan/which-machines.ts';

const machine = (id: string, host: string): Machine =>
  ({ id, host: { id: host } }) as unknown as Machine;
const all = [machine('a', 'here'), machine('b', 'rack'), machine('c', 'rack')];
const ids = (machines: readonly Machine[]) => machines.map(({ id }) => id);

test('all but some, all of a host but some, the chosen that are there', () => {
  const b = 'b' as MachineId;
  expect(ids(membersNow({ kind: 'all', except: [b] }, all))).toEqual(['a', 'c']);
  const host = 'rack' as HostId;
  expect(ids(membersNow({ kind: 'host', host, except: [b] }, all))).toEqual(['c']);
  const machines = [b, 'gone' as MachineId];
  expect(ids(membersNow({ kind: 'chosen', machines }, all))).toEqual(['b']);
});
