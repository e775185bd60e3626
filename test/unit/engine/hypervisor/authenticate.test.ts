import { describe, expect, it } from 'vitest';
import { openConnection } from '#engine/hypervisor/authenticate.ts';
import type { Frame } from '#engine/hypervisor/frames.ts';
import { events, procedures } from '#engine/hypervisor/procedures.ts';
import { decodeXdr, encodeXdr } from '#engine/hypervisor/xdr.ts';
import { handClock } from '../../../fakes/clock.ts';
import { libvirtWire } from '../../../fakes/libvirt-wire.ts';

type Wire = ReturnType<typeof libvirtWire>;

/** A daemon that asks for this authentication; `refuse` answers procedures by an error. */
async function open(authType: number, refuse: ReadonlyMap<number, number>, readOnly = false) {
  const wire = libvirtWire(handClock());
  const outcome = openConnection(wire.session, 'qemu:///system', readOnly).catch(
    (thrown: unknown) => thrown,
  );
  let done = false;
  void outcome.then(() => (done = true));
  for (let next = 0; !done && next < 10; next += 1) {
    await Promise.race([wire.sent(next + 1), outcome]);
    const frame = wire.received[next];
    if (frame !== undefined) answer(wire, frame, authType, refuse);
  }
  return { outcome: await outcome, asked: wire.received };
}

function answer(wire: Wire, frame: Frame, authType: number, refuse: ReadonlyMap<number, number>) {
  const refused = refuse.get(frame.procedure);
  if (refused !== undefined) wire.fail(frame, refused, 'refused');
  else if (frame.procedure === procedures.authList.number) {
    wire.reply(frame, encodeXdr(procedures.authList.result, { types: [authType] }));
  } else if (frame.procedure === procedures.authPolkit.number) {
    wire.reply(frame, encodeXdr(procedures.authPolkit.result, { complete: 1 }));
  } else if (frame.procedure === procedures.eventRegister.number) {
    wire.reply(frame, encodeXdr(procedures.eventRegister.result, { callbackId: 0 }));
  } else wire.reply(frame);
}

const none: ReadonlyMap<number, number> = new Map();
const numbers = (frames: readonly Frame[]) => frames.map(({ procedure }) => procedure);
const registered = Object.values(events).map(() => procedures.eventRegister.number);

describe('opening a connection', () => {
  it('registers for every event before it is ready', async () => {
    const { outcome, asked } = await open(0, none);
    expect(outcome).toBe(true);
    expect(numbers(asked)).toEqual([66, 1, ...registered]);
    expect(
      asked
        .slice(2)
        .map(({ payload }) => decodeXdr(procedures.eventRegister.args, payload).eventId),
    ).toEqual(Object.values(events).map(({ id }) => id));
    expect(decodeXdr(procedures.connectOpen.args, asked[1]!.payload)).toEqual({
      name: 'qemu:///system',
      flags: 0,
    });
  });

  it('asks to look only where that is all there is', async () => {
    const { asked } = await open(0, none, true);
    expect(decodeXdr(procedures.connectOpen.args, asked[1]!.payload).flags).toBe(1);
  });

  it('authenticates by polkit when the daemon wants it', async () => {
    const { outcome, asked } = await open(2, none);
    expect(outcome).toBe(true);
    expect(numbers(asked)).toEqual([66, 70, 1, ...registered]);
  });

  it.each([
    ['polkit says no', 70, 45],
    ['nobody can be asked', 70, 94],
    ['the person cancelled', 70, 79],
    ['access control says no', 1, 88],
  ])('is not granted when %s', async (_, procedure, number) => {
    expect((await open(2, new Map([[procedure, number]]))).outcome).toBe(false);
  });

  it('passes on any other failure', async () => {
    expect((await open(0, new Map([[1, 38]]))).outcome).toMatchObject({
      code: 'libvirt-error',
      data: { code: 38 },
    });
  });

  it('does not know passwords', async () => {
    expect((await open(1, none)).outcome).toMatchObject({ code: 'unsupported' });
  });
});
