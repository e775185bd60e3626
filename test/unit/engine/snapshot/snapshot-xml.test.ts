import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseSnapshot } from '#engine/hypervisor/snapshot-xml.ts';
import { domainSnapshotXml } from '#engine/snapshot/snapshot-xml.ts';

test('whatever the names hold, libvirt reads what was meant', () => {
  const text = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
    // What is refused before: characters XML cannot hold or would read as another.
    .filter((name) => name === name.trim() && !/\p{C}|[\u2028\u2029\ufffd]/u.test(name));
  fc.assert(
    fc.property(text, text, text, (name, description, file) => {
      const xml = domainSnapshotXml({
        ...{ name, description },
        memory: { kind: 'external', file: `/images/${file}` },
        disks: [
          { target: 'vda', kind: 'external', overlay: `/images/${file}.qcow2` },
          { target: 'sda', kind: 'no' },
        ],
      });
      const record = parseSnapshot(xml, { current: false, hasMetadata: true });
      expect(record).toMatchObject({ name, description, memory: 'external' });
      expect(record.memoryFile).toBe(`/images/${file}`);
      expect(record.disks).toMatchObject([
        { target: 'vda', kind: 'external', source: `/images/${file}.qcow2`, format: 'qcow2' },
        { target: 'sda', kind: 'no', source: null },
      ]);
    }),
  );
});
