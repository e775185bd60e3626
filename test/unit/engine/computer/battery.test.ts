import { expect, test } from 'vitest';
import { isOnBattery, readPowerSupplies, type PowerSupply } from '#engine/computer/battery.ts';
import { realFiles } from '#engine/world/files.ts';

const supply = (type: string, change: Partial<PowerSupply> = {}): PowerSupply => ({
  type,
  scope: '',
  online: '',
  status: '',
  ...change,
});
const draining = supply('Battery', { status: 'Discharging' });

test.each([
  ['a desktop: no supply is told of', [], false],
  ['a laptop that is unplugged', [supply('Mains', { online: '0' }), draining], true],
  ['a tablet that has only its battery', [draining], true],
  [
    'plugged in and charging',
    [supply('Mains', { online: '1' }), supply('Battery', { status: 'Charging' })],
    false,
  ],
  ['a charger too weak to charge', [supply('USB', { online: '1' }), draining], false],
  [
    'full, and the mains are not told of',
    [supply('Battery', { status: 'Full' }), supply('Battery', { status: 'Not charging' })],
    false,
  ],
  ['one battery of two drains first', [supply('Battery', { status: 'Unknown' }), draining], true],
  [
    'a desktop whose mouse drains',
    [supply('Battery', { scope: 'Device', status: 'Discharging' })],
    false,
  ],
  ['a server on its UPS', [supply('UPS', { status: 'Discharging' })], true],
] as const)('%s', (_what, supplies, expected) => {
  expect(isOnBattery(supplies)).toBe(expected);
});

/** The kernel's folder as it would be on another computer. */
function pretendSys(content: Readonly<Record<string, Readonly<Record<string, string>>>>) {
  return {
    ...realFiles,
    list: (path: string) => {
      expect(path).toBe('/sys/class/power_supply');
      return Promise.resolve(Object.keys(content));
    },
    read: (path: string) => {
      const [name = '', attribute = ''] = path.split('/').slice(-2);
      const value = content[name]?.[attribute];
      if (value === undefined) return Promise.reject(new Error('ENOENT'));
      return Promise.resolve(Buffer.from(`${value}\n`));
    },
  };
}

test('what the kernel does not tell is empty', async () => {
  const files = pretendSys({
    AC: { type: 'Mains', online: '0' },
    BAT0: { type: 'Battery', status: 'Discharging', capacity: '71' },
  });
  expect(await readPowerSupplies(files)).toEqual([
    supply('Mains', { online: '0' }),
    supply('Battery', { status: 'Discharging' }),
  ]);
});

test('a computer that has no such folder is a desktop', async () => {
  const files = { ...realFiles, list: () => Promise.reject(new Error('ENOENT')) };
  expect(isOnBattery(await readPowerSupplies(files))).toBe(false);
});
