import { expect, test } from 'vitest';
import { parseCheckpoint } from '#engine/hypervisor/checkpoint-xml.ts';
import { removalOf, takeOut } from '#engine/interlock/checkpoint-removal.ts';
import { disk, image, machine } from '../checkpoint/machine.ts';

/** libvirt's schema for the name of a checkpoint (domaincheckpoint.rng). */
const checkpointName = /^[a-zA-Z0-9_-][a-zA-Z0-9_.-]*$/;

test.each(['waymark-01m83p3hzq8w3v0d9k4c5e6f7g', 'a/b', 'odd name', 'ünï', 'x'.repeat(1023)])(
  'a bitmap of any name is taken out under a name that libvirt takes: %s',
  (bitmap) => {
    const [record, removal] = takeOut('vda', bitmap);
    if (record?.do !== 'record-checkpoint') throw new Error('Nothing is recorded.');
    expect(record.name).toMatch(checkpointName);
    const parsed = parseCheckpoint(record.xml);
    expect(parsed.disks).toEqual([{ target: 'vda', bitmap }]);
    // libvirt cannot read back a record without a time after it was restarted.
    expect(parsed.time).toBeGreaterThan(0);
    expect(removal).toEqual({ do: 'delete-checkpoint', name: record.name, metadataOnly: false });
  },
);

test('two bitmaps, or one on two disks, never share the name they are taken out under', () => {
  const some = [takeOut('vda', 'a'), takeOut('vda', 'b'), takeOut('vdb', 'a')];
  const names = some.flatMap(([first]) => (first?.do === 'record-checkpoint' ? first.name : []));
  expect(new Set(names).size).toBe(3);
});

test('broken on a disk that was taken out of the machine: what is there is taken apart', () => {
  const health = 'inconsistent' as const;
  const disks = ['vda', 'vdb'].map((target) => ({ target, bitmap: 'c', health }));
  const facts = machine({ disks: [disk('vda', [image('/images/vda.qcow2')])] });
  expect(removalOf(facts, { name: 'c', disks })).toEqual({
    kind: 'possible',
    actions: [{ do: 'delete-checkpoint', name: 'c', metadataOnly: true }, ...takeOut('vda', 'c')],
  });
});
