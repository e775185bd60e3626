import { expect, it } from 'vitest';
import { createEventGate, maxQueuedBytes } from '../../../src-main/host/event-gate.ts';

it('drops events beyond its limit and says so once there is room', () => {
  let queued = maxQueuedBytes;
  const sent: string[] = [];
  const gate = createEventGate(
    () => queued,
    (name) => sent.push(name),
  );
  gate.send('hosts.changed', []); // at the limit: still sent
  queued = maxQueuedBytes + 1;
  gate.send('jobs.changed', null);
  gate.send('jobs.changed', null);
  expect(sent).toEqual(['hosts.changed']);
  gate.drained(); // not yet
  queued = 0;
  gate.drained();
  gate.drained();
  expect(sent).toEqual(['hosts.changed', 'state.reset']);
});

it('sends the reset before the next event when nobody tells it of the room', () => {
  let queued = maxQueuedBytes + 1;
  const sent: string[] = [];
  const gate = createEventGate(
    () => queued,
    (name) => sent.push(name),
  );
  gate.send('jobs.changed', null);
  queued = 0;
  gate.send('hosts.changed', []);
  expect(sent).toEqual(['state.reset', 'hosts.changed']);
});
