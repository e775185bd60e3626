/**
 * Whether the computer runs on its battery, from what the kernel says of its power supplies
 * (Documentation/ABI/testing/sysfs-class-power). A computer without one never does.
 */
import { join } from 'node:path';
import type { Files } from '#engine/world/files.ts';

/** The files of one folder in /sys/class/power_supply; '' where the kernel has none. */
export interface PowerSupply {
  readonly type: string; // "Battery", "Mains", "USB", "UPS", "Wireless"
  readonly scope: string; // "System", "Device" (a mouse), "Unknown"
  readonly online: string; // "1" with power, or "0"
  readonly status: string; // "Charging", "Discharging", "Full", "Not charging", "Unknown"
}

const folder = '/sys/class/power_supply';
const maxAttributeBytes = 4096; // sysfs gives at most one page

/**
 * True when something that feeds the whole computer discharges and nothing else feeds it. A charger
 * may be plugged in and still be too weak: what is online decides, as for systemd.
 */
export function isOnBattery(supplies: readonly PowerSupply[]): boolean {
  const ours = supplies.filter(({ scope }) => scope !== 'Device');
  const fed = ours.some(({ type, online }) => !isStore(type) && online === '1');
  const drained = ours.some(({ type, status }) => isStore(type) && status === 'Discharging');
  return drained && !fed;
}

function isStore(type: string): boolean {
  return type === 'Battery' || type === 'UPS';
}

/** Never rejects: what cannot be read is not there. */
export async function readPowerSupplies(files: Files): Promise<readonly PowerSupply[]> {
  const names = await files.list(folder).catch(() => []);
  const attribute = async (name: string, what: string) => {
    const bytes = await files.read(join(folder, name, what), maxAttributeBytes).catch(() => null);
    return bytes?.toString().trim() ?? '';
  };
  return Promise.all(
    names.map(async (name) => ({
      type: await attribute(name, 'type'),
      scope: await attribute(name, 'scope'),
      online: await attribute(name, 'online'),
      status: await attribute(name, 'status'),
    })),
  );
}
