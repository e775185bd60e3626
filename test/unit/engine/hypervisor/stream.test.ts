import { describe, expect, it } from 'vitest';
import {
  maxStreamPayloadBytes,
  messageStatus,
  messageType,
  type Frame,
} from '#engine/hypervisor/frames.ts';
import { procedures } from '#engine/hypervisor/procedures.ts';
import { readAll } from '#engine/hypervisor/read-stream.ts';
import { streamHole } from '#engine/hypervisor/stream.ts';
import { encodeXdr } from '#engine/hypervisor/xdr.ts';
import { handClock } from '../../../fakes/clock.ts';
import { errorPayload, libvirtWire } from '../../../fakes/libvirt-wire.ts';

const vol = { pool: 'p', name: 'n', key: 'k' };
const empty = Buffer.alloc(0);

async function open(direction: 'volumeUpload' | 'volumeDownload') {
  const clock = handClock();
  const wire = libvirtWire(clock, 1000);
  const opening = wire.session.openStream(procedures[direction], {
    vol,
    offset: 0,
    length: 0,
    flags: 0,
  });
  await wire.sent(1);
  const call = wire.received[0]!;
  const packet = (payload: Buffer, status: number = messageStatus.continue, type = 3) => {
    wire.send({ ...call, type, status, payload });
  };
  wire.reply(call);
  const { stream } = await opening;
  return { clock, wire, stream, packet, call };
}

const statuses = (frames: readonly Frame[]) =>
  frames.map(({ type, status, payload }) => [type, status, payload.length]);

describe('a stream', () => {
  it('reads data and holes to the end and finishes', async () => {
    const { wire, stream, packet, call } = await open('volumeDownload');
    const all = readAll(stream, 1000, () => new Error('too large') as never);
    packet(Buffer.from('abcd'));
    packet(encodeXdr(streamHole, { length: 3, flags: 0 }), messageStatus.continue, 6);
    packet(Buffer.from('efg'));
    packet(empty);
    await wire.sent(2);
    expect(wire.received[1]).toMatchObject({
      type: messageType.stream,
      status: messageStatus.ok,
      serial: call.serial,
      payload: empty,
    });
    packet(empty, messageStatus.ok);
    expect((await all).toString()).toBe('abcd\0\0\0efg');
  });

  it('takes packets that come in the same piece as the reply', async () => {
    const clock = handClock();
    const wire = libvirtWire(clock);
    const opening = wire.session.openStream(procedures.volumeDownload, {
      vol,
      offset: 0,
      length: 0,
      flags: 0,
    });
    await wire.sent(1);
    const call = wire.received[0]!;
    wire.reply(call);
    wire.send({ ...call, type: 3, status: 2, payload: Buffer.from('abc') });
    const { stream } = await opening;
    expect(await stream.read()).toEqual({ kind: 'data', bytes: Buffer.from('abc') });
  });

  it('stops reading at its limit and aborts', async () => {
    const { wire, stream, packet } = await open('volumeDownload');
    const tooLarge = Object.assign(new Error('too large'), { code: 'path-invalid' });
    const all = readAll(stream, 5, () => tooLarge as never).catch((thrown: unknown) => thrown);
    packet(Buffer.from('abcdef'));
    await wire.sent(2);
    expect(wire.received[1]).toMatchObject({ status: messageStatus.error, payload: empty });
    packet(empty, messageStatus.ok);
    expect(await all).toBe(tooLarge);
  });

  it('sends large pieces in packets libvirt takes, and holes as holes', async () => {
    const { wire, stream, packet } = await open('volumeUpload');
    await stream.write(Buffer.alloc(maxStreamPayloadBytes + 10, 1));
    await stream.writeHole(4096);
    const finished = stream.finish();
    await wire.sent(5);
    expect(statuses(wire.received.slice(1))).toEqual([
      [messageType.stream, messageStatus.continue, maxStreamPayloadBytes],
      [messageType.stream, messageStatus.continue, 10],
      [messageType.streamHole, messageStatus.continue, 12],
      [messageType.stream, messageStatus.ok, 0],
    ]);
    packet(empty, messageStatus.ok);
    await finished;
    await stream.finish(); // again: nothing more happens
    expect(wire.received).toHaveLength(5);
  });

  it('gives the daemon’s error to whoever waits, and to every later call', async () => {
    const { stream, packet, clock } = await open('volumeUpload');
    const finished = stream.finish().catch((thrown: unknown) => thrown);
    await clock.settle();
    packet(errorPayload(38, 'No space left on device'), messageStatus.error);
    expect(await finished).toMatchObject({ code: 'libvirt-error', data: { code: 38 } });
    await expect(stream.write(Buffer.alloc(1))).rejects.toMatchObject({ data: { code: 38 } });
    await stream.abort(); // nothing left to end
  });

  it('ends with the connection', async () => {
    const { stream, wire } = await open('volumeDownload');
    const read = stream.read().catch((thrown: unknown) => thrown);
    wire.hangUp();
    expect(await read).toMatchObject({ code: 'libvirt-connection-lost' });
  });

  it('does not wait for ever', async () => {
    const { stream, clock } = await open('volumeDownload');
    const read = stream.read().catch((thrown: unknown) => thrown);
    await clock.advance(1000);
    expect(await read).toMatchObject({ code: 'libvirt-timeout' });
  });

  it('ignores packets that were on their way when it was aborted', async () => {
    const { wire, stream, packet } = await open('volumeDownload');
    const aborted = stream.abort();
    packet(Buffer.from('late'));
    packet(empty, messageStatus.ok);
    await aborted;
    packet(Buffer.from('later'));
    const call = wire.session.call(procedures.connectGetHostname, null);
    await wire.sent(3);
    wire.reply(
      wire.received[2]!,
      encodeXdr(procedures.connectGetHostname.result, { hostname: 'still here' }),
    );
    expect(await call).toEqual({ hostname: 'still here' });
  });
});
