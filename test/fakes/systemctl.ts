/** A systemd of one user that can be looked at: units, whether they run, who lingers. */
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { realProcesses, type Processes, type RunResult } from '#engine/world/processes.ts';

export interface FakeSystemd {
  readonly processes: Processes;
  /** Every command, as it would be typed. */
  readonly asked: string[];
  readonly enabled: Set<string>;
  readonly running: Set<string>;
  lingering: boolean;
  /** The main process of whatever runs. */
  mainPid: number;
  /** False: nobody answers on the bus. */
  answers: boolean;
  /** The next command that changes something is refused with these words. */
  refuseNext: string | null;
  /** Whatever is to be started does not start, with these words. */
  refuseStart: string | null;
}

export function fakeSystemd(configFolder: string, installed = true): FakeSystemd {
  const it: FakeSystemd = {
    asked: [],
    enabled: new Set(),
    running: new Set(),
    lingering: false,
    mainPid: 999_999,
    answers: true,
    refuseNext: null,
    refuseStart: null,
    processes: {
      ...realProcesses,
      find: (program) => Promise.resolve(installed ? `/usr/bin/${program}` : null),
      run: (program, args) => {
        it.asked.push([program, ...args].join(' '));
        return Promise.resolve(program === 'loginctl' ? loginctl(it) : systemctl(it, args));
      },
    },
  };
  const systemctl = (systemd: FakeSystemd, args: readonly string[]): RunResult => {
    if (!systemd.answers) return result(1, '', 'Failed to connect to bus: No such file');
    const [, verb = '', ...rest] = args;
    if (verb === 'show') return result(0, shown(systemd, rest));
    if (systemd.refuseNext !== null) {
      const words = systemd.refuseNext;
      systemd.refuseNext = null;
      return result(1, '', words);
    }
    const now = rest.includes('--now');
    const unit = rest.find((word) => !word.startsWith('-')) ?? '';
    if (verb === 'enable') {
      if (!existsSync(join(configFolder, 'systemd/user', unit))) return result(1, '', 'no unit');
      enable(configFolder, unit);
      systemd.enabled.add(unit);
      if (now && systemd.refuseStart !== null) return result(1, '', systemd.refuseStart);
      if (now) systemd.running.add(unit);
    }
    if (verb === 'disable') {
      rmSync(wantedBy(configFolder, unit), { force: true });
      systemd.enabled.delete(unit);
      if (now) systemd.running.delete(unit);
    }
    return result(0, '');
  };
  return it;
}

/** Where systemd looks for what starts with the user's session. */
function wantedBy(configFolder: string, unit: string): string {
  return join(configFolder, 'systemd/user/default.target.wants', unit);
}

function enable(configFolder: string, unit: string): void {
  const link = wantedBy(configFolder, unit);
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(join(configFolder, 'systemd/user', unit), link);
}

function loginctl({ lingering }: FakeSystemd): RunResult {
  return result(0, `Linger=${lingering ? 'yes' : 'no'}\n`);
}

function shown({ running, enabled, mainPid }: FakeSystemd, args: readonly string[]): string {
  const unit = args.find((word) => !word.startsWith('-')) ?? '';
  const runs = running.has(unit);
  if (args.includes('--property=Version')) return 'Version=252\n';
  if (args.includes('--property=MainPID')) return `MainPID=${runs ? mainPid : 0}\n`;
  const lines = [
    `ActiveState=${runs ? 'active' : 'inactive'}`,
    `UnitFileState=${enabled.has(unit) ? 'enabled' : 'disabled'}`,
  ];
  const asked = lines.filter((line) => args.includes(`--property=${line.split('=')[0] ?? ''}`));
  return `${asked.join('\n')}\n`;
}

function result(code: number, stdout: string, stderr = ''): RunResult {
  return { code, stdout, stderr };
}
