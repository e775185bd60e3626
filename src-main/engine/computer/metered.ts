/**
 * Whether the network costs by the byte, as NetworkManager says it over D-Bus. Where it does not
 * run nobody knows, and what nobody knows stands in nobody's way.
 */
import type { Processes } from '#engine/world/processes.ts';

const service = 'org.freedesktop.NetworkManager';
const object = '/org/freedesktop/NetworkManager';
const getProperty = 'org.freedesktop.DBus.Properties.Get';
const timeoutMs = 3000;

/** Each asks for the same number; which of them is installed differs. None starts the service. */
const askers: readonly (readonly [program: string, args: readonly string[]])[] = [
  ['busctl', ['--system', '--auto-start=no', 'get-property', service, object, service, 'Metered']],
  [
    'gdbus',
    [
      ...['call', '--system', '--dest', service, '--object-path', object],
      ...['--method', getProperty, service, 'Metered'],
    ],
  ],
  [
    'dbus-send',
    [
      ...['--system', '--print-reply=literal', `--dest=${service}`, object, getProperty],
      ...[`string:${service}`, 'string:Metered'],
    ],
  ],
];

/**
 * The number in "u 4" (busctl), "(<uint32 4>,)" (gdbus), "variant uint32 4" (dbus-send); null when
 * the output is none of these.
 */
export function meteredNumber(output: string): number | null {
  const found = /^(?:u (\d+)|\(<(?:uint32 )?(\d+)>,\)|variant\s+uint32 (\d+))$/.exec(output.trim());
  const digits = found?.[1] ?? found?.[2] ?? found?.[3];
  return digits === undefined ? null : Number(digits);
}

/** NMMetered: 1 yes, 3 guessed yes (a phone's hotspot); 0 unknown, 2 no, 4 guessed no. */
export function isMetered(metered: number | null): boolean {
  return metered === 1 || metered === 3;
}

/** Never rejects; null when nobody could be asked or nobody answered. */
export async function readMetered(processes: Processes): Promise<number | null> {
  for (const [program, args] of askers) {
    if ((await processes.find(program)) === null) continue;
    const answer = await processes.run(program, args, { timeoutMs }).catch(() => null);
    return answer?.code === 0 ? meteredNumber(answer.stdout) : null;
  }
  return null;
}
