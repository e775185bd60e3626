import { describe, expect, it } from 'vitest';
import { AppError } from '#contract/errors.ts';
import { messageStatus, messageType } from '#engine/hypervisor/frames.ts';
import { keepaliveProgram, procedures, remoteProgram } from '#engine/hypervisor/procedures.ts';
import { maxCallsInFlight } from '#engine/hypervisor/session.ts';
import { encodeXdr } from '#engine/hypervisor/xdr.ts';
import { handClock } from '../../../fakes/clock.ts';
import { libvirtWire } from '../../../fakes/libvirt-wire.ts';

const hostname = (name: string) =>
  encodeXdr(procedures.connectGetHostname.result, { hostname: name });
const ask = procedures.connectGetHostname;

function start(callTimeoutMs = 1000) {
  const clock = handClock();
  return { clock, ...libvirtWire(clock, callTimeoutMs) };
}

const code = (thrown: unknown) => (thrown instanceof AppError ? thrown.code : String(thrown));

describe('a session', () => {
  it('sends calls with rising serials and gives each its own answer, in any order', async () => {
    const { session, received, sent, reply } = start();
    const first = session.call(ask, null);
    const second = session.call(ask, null);
    await sent(2);
    expect(received).toMatchObject([
      { program: remoteProgram, version: 1, procedure: 59, type: 0, serial: 1, status: 0 },
      { serial: 2 },
    ]);
    reply(received[1]!, hostname('two'));
    reply(received[0]!, hostname('one'));
    expect(await Promise.all([first, second])).toEqual([{ hostname: 'one' }, { hostname: 'two' }]);
  });

  it('has at most five calls in flight and sends the next when one ends', async () => {
    const { session, received, sent, reply, clock } = start();
    const calls = Array.from({ length: 12 }, () => session.call(ask, null));
    await clock.settle();
    expect(received).toHaveLength(maxCallsInFlight);
    for (let i = 0; i < 12; i += 1) {
      await sent(i + 1);
      expect(received.length - i).toBeLessThanOrEqual(maxCallsInFlight);
      reply(received[i]!, hostname(String(i)));
    }
    expect((await Promise.all(calls)).map((answer) => answer.hostname)).toEqual(
      Array.from({ length: 12 }, (_, i) => String(i)),
    );
  });

  it('keeps libvirt’s numbers in its errors and maps those with a meaning here', async () => {
    const { session, received, sent, fail } = start();
    const cases = [
      [42, 'machine-not-found'],
      [68, 'machine-busy'],
      [109, 'checkpoint-inconsistent'],
      [86, 'libvirt-error'],
    ] as const;
    for (const [index, [number, expected]] of cases.entries()) {
      const call = session.call(ask, null).catch((thrown: unknown) => thrown);
      await sent(index + 1);
      fail(received[index]!, number, 'words of libvirt');
      expect(await call).toMatchObject({
        code: expected,
        message: 'words of libvirt',
        data: { code: number, domain: 10, level: 2, function: 'virConnectGetHostname' },
      });
    }
  });

  it('ends a call that gets no answer, and keeps its place until the daemon is done', async () => {
    const { session, received, clock, reply, sent } = start(1000);
    const slow = Array.from({ length: maxCallsInFlight }, () =>
      session.call(ask, null).catch(code),
    );
    await clock.advance(999);
    const queued = session.call(ask, null, 5000);
    await clock.advance(1);
    expect(await Promise.all(slow)).toEqual(slow.map(() => 'libvirt-timeout'));
    expect(received).toHaveLength(maxCallsInFlight); // the queued call still waits
    reply(received[0]!, hostname('late')); // nobody wants it any more, and it frees the place
    await sent(maxCallsInFlight + 1);
    reply(received[maxCallsInFlight]!, hostname('queued'));
    expect(await queued).toEqual({ hostname: 'queued' });
  });

  it('ends a call that waits in the queue too long without ever sending it', async () => {
    const { session, received, clock } = start(1000);
    const calls = Array.from({ length: 7 }, () => session.call(ask, null).catch(code));
    await clock.advance(1000);
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['libvirt-timeout']));
    expect(received).toHaveLength(maxCallsInFlight);
  });

  it('passes events on and answers pings', async () => {
    const { session, received, events, send, sent } = start();
    const event = {
      program: remoteProgram,
      version: 1,
      procedure: 318,
      type: messageType.message,
      serial: 0,
      status: 0,
      payload: Buffer.from('abcd'),
    };
    send(event);
    send({ ...event, program: keepaliveProgram, procedure: 1, payload: Buffer.alloc(0) });
    await sent(1);
    expect(events).toEqual([event]);
    expect(received).toMatchObject([{ program: keepaliveProgram, procedure: 2, type: 2 }]);
    session.close();
  });

  it('ends everything when the daemon goes away', async () => {
    const { session, hangUp, sent } = start();
    const calls = Array.from({ length: 8 }, () => session.call(ask, null).catch(code));
    await sent(5);
    hangUp();
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['libvirt-connection-lost']));
    expect(await session.closed).toMatchObject({ code: 'libvirt-connection-lost' });
    await expect(session.call(ask, null)).rejects.toMatchObject({
      code: 'libvirt-connection-lost',
    });
  });

  it('says that it was closed by us, once', async () => {
    const { session } = start();
    const call = session.call(ask, null).catch(code);
    session.close();
    session.close();
    expect(await session.closed).toBeNull();
    expect(await call).toBe('libvirt-connection-lost');
  });

  it.each([
    ['an answer nobody asked for', { procedure: 59, type: 1, serial: 77 }],
    ['an answer to another procedure', { procedure: 60, type: 1, serial: 1 }],
    ['an unknown type', { procedure: 59, type: 9, serial: 1 }],
  ])('ends the connection on %s', async (_, odd) => {
    const { session, send, sent, received } = start();
    const call = session.call(ask, null).catch(code);
    await sent(1);
    send({ ...received[0]!, ...odd });
    expect(await call).toBe('libvirt-protocol');
    expect(await session.closed).toMatchObject({ code: 'libvirt-protocol' });
  });

  it.each([
    ['an answer that cannot be read', Buffer.from('ffffffff', 'hex'), messageStatus.ok],
    ['an error that cannot be read', Buffer.from('0000', 'hex'), messageStatus.error],
  ])('ends the connection on %s', async (_, payload, status) => {
    const { session, reply, sent, received } = start();
    const call = session.call(ask, null).catch(code);
    await sent(1);
    reply(received[0]!, payload, status);
    expect(await call).toBe('libvirt-protocol');
    expect(await session.closed).toMatchObject({ code: 'libvirt-protocol' });
  });

  it('ends the connection on a length beyond the limit', async () => {
    const { session, raw } = start();
    raw(Buffer.alloc(8, 0xff));
    expect(await session.closed).toMatchObject({ code: 'libvirt-protocol' });
  });
});
