import { describe, expect, test } from 'vitest';
import { planCreate } from '#engine/snapshot/plan-create.ts';
import { askCreate as ask, created, facts, factsWith, reasonsOf } from './ask.ts';

describe('a name is refused', () => {
  const rows: readonly (readonly [string, string, string])[] = [
    ['an empty name', '', 'name-empty'],
    ['a name of spaces', '  ', 'name-empty'],
    ['a name that begins with a space', ' a', 'name-spaces'],
    ['a name with a newline', 'a\nb', 'name-control'],
    ['a name with a lone surrogate', 'a\ud800b', 'name-control'],
    ['a name with a character that reads as damage', 'a\ufffdb', 'name-control'],
    ['a name with a slash', 'a/b', 'name-slash'],
    ['a name with a leading dot', '.a', 'name-start'],
    ['a name with a leading dash', '--all', 'name-start'],
    ['a name that QEMU could take for a number', '2', 'name-number'],
    ['a name of 201 bytes', 'ä'.repeat(100) + 'x', 'name-long'],
  ];
  test.each(rows)('%s', (_row, name, id) => {
    expect(reasonsOf(planCreate(facts(), ask({ name })))).toEqual([id]);
  });

  test('a name that is taken, also by a snapshot only an image still knows', () => {
    const plan = planCreate(factsWith('internal'), ask({ name: 'first' }));
    expect(reasonsOf(plan)).toEqual(['name-taken']);
    const given = facts();
    const disks = given.disks.map((disk) => ({
      ...disk,
      chain: disk.chain.map((image) => ({ ...image, snapshots: ['old'] })),
    }));
    expect(reasonsOf(planCreate({ ...given, disks }, ask({ name: 'old' })))).toEqual([
      'name-taken',
    ]);
  });
});

test.each(['Vor dem Update', 'a & b <c> "d" \'e\'', '$(reboot); `id`', 'ünïcödé 雪'])(
  'the name %s is fine and is escaped',
  (name) => {
    for (const storage of ['internal', 'external'] as const) {
      const action = created(planCreate(facts(), ask({ name, storage })));
      expect(action.name).toBe(name);
      expect(action.xml).not.toContain('<c>');
      for (const path of action.makes) expect(path).toMatch(/^\/images\/[\w./-]+$/);
    }
  },
);

describe('files', () => {
  test('lie beside the image, named after the machine, the disk and the snapshot', () => {
    const plan = planCreate(facts({ disks: ['qcow2', 'raw'] }), ask({ name: 'Before: upgrade' }));
    expect(created(plan).makes).toEqual([
      '/images/web-01.vda.since-Before-upgrade.qcow2',
      '/images/web-01.vdb.since-Before-upgrade.qcow2',
      '/images/web-01.Before-upgrade.memory',
    ]);
  });

  test('get a number where another machine or nobody has a file of the name', () => {
    const beside = ['/images/web-01.Before-upgrade.memory'];
    const plan = planCreate(
      facts({}, { beside }),
      ask({ name: 'Before: upgrade', storage: 'external' }),
    );
    expect(created(plan).makes).toContain('/images/web-01.Before-upgrade-2.memory');
  });

  test('get a number where the name is taken', () => {
    const given = factsWith('external');
    const plan = planCreate(given, ask({ name: 'first!', memory: false }));
    expect(created(plan).makes).toEqual(['/images/web-01.vda.since-first-.qcow2']);
    const again = planCreate({ ...given, snapshots: given.snapshots }, ask({ name: 'first.' }));
    expect(created(again).makes[0]).toBe('/images/web-01.vda.since-first..qcow2');
    const clash = planCreate(given, ask({ name: 'first', memory: false }));
    expect(clash.verdict).toBe('refused');
  });
});

test.each(['a\u0000b', 'a\u001bb', 'a\ufffdb', 'a\ud800b'])(
  'the description %j is refused',
  (description) => {
    expect(reasonsOf(planCreate(facts(), ask({ description })))).toEqual(['description-control']);
  },
);

test('a description of several lines is fine', () => {
  expect(planCreate(facts(), ask({ description: 'Before:\n\t- "upgrade" & <more>' })).verdict).toBe(
    'allowed',
  );
});
