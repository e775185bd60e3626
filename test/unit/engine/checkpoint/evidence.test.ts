/** What the doctor looks at beside the facts, on real files and a pretend libvirt. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AppError } from '#contract/errors.ts';
import { gatherEvidence, type ExamineParts } from '#engine/checkpoint/evidence.ts';
import type { ImageRef } from '#engine/hypervisor/domain-xml.ts';
import type { MachineFacts } from '#engine/interlock/facts.ts';
import { fakeWorld, temporaryFolder } from '../../../fakes/world.ts';
import { disk, image, installation, machine, snapshot, withBitmaps } from './machine.ts';

const domainOf = (uuid: string) =>
  `<domain type="kvm"><name>x</name><uuid>${uuid}</uuid><memory>1</memory><devices/></domain>`;

function parts(replace: Partial<ExamineParts> = {}): ExamineParts {
  return {
    world: fakeWorld(),
    hypervisor: {
      monitorCommand: () => Promise.resolve('{"return":[]}'),
      savedDefinition: () => Promise.reject(new AppError('libvirt-error', 'No memory file.')),
    },
    installation,
    repositories: [],
    sourcesOf: () => Promise.resolve(new Map()),
    workFolders: [],
    leftOverJob: null,
    ...replace,
  };
}

const gather = (given: ExamineParts, facts: MachineFacts, details = false) =>
  gatherEvidence(given, facts, details);

describe('QEMU itself', () => {
  const told = '{"return":[{"file":"/images/vda.qcow2","dirty-bitmaps":[]}]}';
  const asking = (answer: () => Promise<string>) => {
    let asked = 0;
    const given = parts();
    const monitorCommand = () => {
      asked += 1;
      return answer();
    };
    const hypervisor = { ...given.hypervisor, monitorCommand };
    return { given: { ...given, hypervisor }, asked: () => asked };
  };

  test('is asked only for the details: it taints the machine', async () => {
    const { given, asked } = asking(() => Promise.resolve(told));
    expect((await gather(given, machine())).qemu).toBeNull();
    expect(asked()).toBe(0);
    expect([...((await gather(given, machine(), true)).qemu?.keys() ?? [])]).toEqual([
      '/images/vda.qcow2',
    ]);
  });

  test('is not there while the machine is off', async () => {
    const { given, asked } = asking(() => Promise.resolve(told));
    const evidence = await gather(given, machine({ state: 'off', liveXml: null }), true);
    expect([evidence.qemu, evidence.notLooked, asked()]).toEqual([null, [], 0]);
  });

  test.each([{ libvirtJob: 'backup' }, { waymarkJob: 'Back up web-01' }])(
    'is left alone while %o',
    async (busy) => {
      const { given, asked } = asking(() => Promise.resolve(told));
      const evidence = await gather(given, machine(busy), true);
      expect(evidence.qemu).toBeNull();
      expect(evidence.notLooked.map(({ what }) => what)).toEqual(['QEMU’s own list of bitmaps']);
      expect(asked()).toBe(0);
    },
  );

  test('that does not answer is said with why; a defect of ours is thrown', async () => {
    const gone = new AppError('libvirt-connection-lost', 'libvirt does not answer now.');
    const evidence = await gather(asking(() => Promise.reject(gone)).given, machine(), true);
    expect(evidence.notLooked).toEqual([
      { what: 'QEMU’s own list of bitmaps', why: 'libvirt does not answer now.' },
    ]);
    const defect = asking(() => Promise.reject(new TypeError('x'))).given;
    await expect(gather(defect, machine(), true)).rejects.toThrow(TypeError);
  });
});

describe('the images a point was made from', () => {
  const ids = Array.from({ length: 40 }, (_, index) => `01M83P3HZQ8W3V0D9K4C5E6F${index + 10}`);
  const points = ids.map((id) => ({ id, time: 0 }));
  const scene = (names: readonly string[]) => {
    const asked: string[] = [];
    const given = parts({
      repositories: [
        { id: 'repo-1', name: 'attic', points },
        { id: 'repo-2', name: 'away', points: null },
      ],
      sourcesOf: (repository, point) => {
        asked.push(`${repository} ${point}`);
        return Promise.resolve(new Map([['vda', '/images/vda.qcow2']]));
      },
    });
    const facts = machine({ disks: [disk('vda', [image('/a', withBitmaps(...names))])] });
    return { asked, given, facts };
  };
  const nameOf = (id: string) => `waymark-${id.toLowerCase()}`;

  test('are read only where a record of the point is there', async () => {
    const { asked, given, facts } = scene([nameOf(ids[3] ?? ''), 'other']);
    const { sources } = await gather(given, facts);
    expect(asked).toEqual([`repo-1 ${ids[3]}`]);
    expect(sources.get(nameOf(ids[3] ?? ''))?.get('vda')).toBe('/images/vda.qcow2');
  });

  test('of very many points only the newest are read', async () => {
    const { asked, given, facts } = scene(ids.map(nameOf));
    await gather(given, facts);
    expect(asked).toHaveLength(32);
    expect(asked[0]).toBe(`repo-1 ${ids[39]}`);
  });

  test('where the manifest cannot be read, that is said', async () => {
    const { given, facts } = scene([nameOf(ids[3] ?? '')]);
    const evidence = await gather({ ...given, sourcesOf: () => Promise.resolve(null) }, facts);
    expect(evidence.sources.size).toBe(0);
    expect(evidence.notLooked.map(({ what }) => what)).toEqual([`The restore point ${ids[3]}`]);
  });
});

test('work folders that are there; a file of that name is none', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'one'));
  writeFileSync(join(folder, 'two'), '');
  const workFolders = ['one', 'two', 'three'].map((name) => join(folder, name));
  const { folders } = await gather(parts({ workFolders }), machine());
  expect(folders).toEqual([join(folder, 'one')]);
});

describe('saved memory beside the images', () => {
  const scene = (owner: (path: string) => string) => {
    const folder = temporaryFolder();
    const looked: string[] = [];
    const given = parts({
      hypervisor: {
        ...parts().hypervisor,
        savedDefinition: (path) => {
          looked.push(path);
          return Promise.resolve(domainOf(owner(path)));
        },
      },
    });
    const facts = machine({ disks: [disk('vda', [image(join(folder, 'vda.qcow2'))])] });
    return { folder, looked, given, facts };
  };

  test('only of this machine, of no snapshot, and named as Waymark names them', async () => {
    const { folder, looked, given, facts } = scene((path) =>
      path.includes('other') ? '5c9b3b0a-0000-4000-8000-0000000000ff' : machine().uuid,
    );
    for (const name of ['web-01.a.memory', 'web-01.b.memory', 'other.memory', 'web-01.save']) {
      writeFileSync(join(folder, name), '');
    }
    const memoryFile = join(folder, 'web-01.b.memory');
    const snapshots = [snapshot('b', {}, { memory: 'external', memoryFile })];
    const { memoryFiles } = await gather(given, { ...facts, snapshots });
    expect(memoryFiles).toEqual([join(folder, 'web-01.a.memory')]);
    expect(looked).not.toContain(memoryFile);
    expect(looked).not.toContain(join(folder, 'web-01.save'));
  });

  test('a file that is no saved memory is not ours to judge', async () => {
    const { folder, facts } = scene(() => '');
    writeFileSync(join(folder, 'web-01.a.memory'), 'notes');
    expect((await gather(parts(), facts)).memoryFiles).toEqual([]);
  });

  test('of very many files some are looked into, and that is said', async () => {
    const { folder, looked, given, facts } = scene(() => '5c9b3b0a-0000-4000-8000-0000000000ff');
    for (let at = 0; at < 70; at += 1) writeFileSync(join(folder, `${at}.memory`), '');
    const evidence = await gather(given, facts);
    expect(looked).toHaveLength(64);
    expect(evidence.notLooked.map(({ what }) => what)).toEqual(['Some files of saved memory']);
  });

  test('a folder that cannot be read holds nothing known', async () => {
    const facts = machine({ disks: [disk('vda', [image('/nowhere/at/all.qcow2')])] });
    expect((await gather(parts(), facts)).memoryFiles).toEqual([]);
  });
});

describe('what QEMU has open below a disk', () => {
  const below = (path: string): ImageRef => ({ sourceKind: 'file', source: path, format: 'qcow2' });
  const scene = (told: readonly ImageRef[] | null, found: readonly string[]) => {
    const facts = machine({
      disks: [
        disk(
          'vda',
          found.map((path) => image(path)),
        ),
      ],
    });
    const [vda] = facts.definition.disks;
    if (vda === undefined) throw new Error('No disk.');
    return { ...facts, definition: { ...facts.definition, disks: [{ ...vda, chain: told }] } };
  };

  test.each([
    ['the same', [below('/a'), below('/b')], ['/top', '/a', '/b'], []],
    ['not told', null, ['/top', '/a'], []],
    ['none', [], ['/top'], []],
    ['another', [below('/a')], ['/top', '/x'], [{ target: 'vda', told: '/a', found: '/x' }]],
    [
      'another further down',
      [below('/a'), below('/b')],
      ['/top', '/a', '/y'],
      [{ target: 'vda', told: '/b', found: '/y' }],
    ],
  ])('%s', async (_what, told, found, misled) => {
    expect((await gather(parts(), scene(told, found))).misled).toEqual(misled);
  });

  test('two names of one file are no other image', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'base'), '');
    symlinkSync(join(folder, 'base'), join(folder, 'link'));
    const facts = scene([below(join(folder, 'link'))], ['/top', join(folder, 'base')]);
    expect((await gather(parts(), facts)).misled).toEqual([]);
  });

  test('of a stopped machine nothing is open', async () => {
    const facts = { ...scene([below('/a')], ['/top', '/x']), state: 'off' as const };
    expect((await gather(parts(), facts)).misled).toEqual([]);
  });
});
