/** A systemd of one user that can be looked at: units, whether they run, who lingers. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
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
      systemd.enabled.add(unit);
      if (now) systemd.running.add(unit);
    }
    if (verb === 'disable') {
      systemd.enabled.delete(unit);
      if (now) systemd.running.delete(unit);
    }
    return result(0, '');
  };
  return it;
}

function loginctl({ lingering }: FakeSystemd): RunResult {
  return result(0, `Linger=${lingering ? 'yes' : 'no'}\n`);
}

function shown({ running, mainPid }: FakeSystemd, args: readonly string[]): string {
  const runs = running.has(args.find((word) => !word.startsWith('-')) ?? '');
  if (args.includes('--property=Version')) return 'Version=252\n';
  if (args.includes('--property=MainPID')) return `MainPID=${runs ? mainPid : 0}\n`;
  return `ActiveState=${runs ? 'active' : 'inactive'}\n`;
}

function result(code: number, stdout: string, stderr = ''): RunResult {
  return { code, stdout, stderr };
}
