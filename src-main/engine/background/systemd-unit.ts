/**
 * Waymark as a service of this user: the unit file is ours, systemd is asked how it is. Nothing
 * here is remembered: every answer was looked at when it was asked for.
 */
import { join } from 'node:path';
import { AppError } from '#contract/errors.ts';
import type { Background } from '#contract/news.ts';
import type { RunResult } from '#engine/world/processes.ts';
import type { World } from '#engine/world/world.ts';
import { unitText } from './unit-file.ts';

type State = Background['service'];

export interface SystemdUnit {
  state(): Promise<State>;
  /** Writes the unit, enables and starts it; puts back what was there when systemd refuses. */
  install(): Promise<void>;
  /** Stops and removes it. Not there is fine. */
  remove(): Promise<void>;
}

export interface UnitParts {
  readonly world: World;
  readonly configFolder: string;
  readonly dataFolder: string;
  readonly user: string;
  /** What runs the `waymark` command. */
  readonly command: readonly string[];
}

const unit = 'waymark.service';
/** systemd answers at once or not at all; stopping ours may wait for a backup to be cancelled. */
const askTimeoutMs = 10_000;
const changeTimeoutMs = 90_000;
const maxUnitBytes = 64 * 1024;
const readableByAll = 0o644;

export function createSystemdUnit(parts: UnitParts): SystemdUnit {
  const { files } = parts.world;
  const folder = join(parts.configFolder, 'systemd/user');
  const path = join(folder, unit);
  const wanted = join(folder, 'default.target.wants', unit);
  const text = unitText(parts.command, parts.dataFolder);
  const systemctl = (args: readonly string[], timeoutMs: number) =>
    ask(parts.world, 'systemctl', ['--user', ...args], timeoutMs);
  const change = async (...args: readonly string[]) => {
    refuseFailure(await systemctl(args, changeTimeoutMs), args);
  };
  const reload = () => change('daemon-reload');
  const putBack = async (earlier: Buffer | null, wasWanted: boolean) => {
    // Enabling may have gone well before starting failed.
    if (!wasWanted) await files.remove(wanted);
    if (earlier === null) await files.remove(path);
    else await files.writeDurable(path, earlier, readableByAll);
    await reload();
  };
  return {
    state: async () => {
      const unsupported = await obstacle(parts.world);
      if (unsupported !== null) return { kind: 'unsupported', words: unsupported };
      if ((await files.stat(path)) === null) return { kind: 'not-installed' };
      const asked = ['--property=ActiveState', '--property=UnitFileState'];
      const shown = await systemctl(['show', unit, ...asked], askTimeoutMs);
      return installed(parts.user, path, {
        active: property(shown, 'ActiveState') ?? 'unknown',
        unitFile: property(shown, 'UnitFileState') ?? 'unknown',
        lingering: await lingers(parts),
        current: (await files.read(path, maxUnitBytes)).toString() === text,
      });
    },
    install: async () => {
      const unsupported = await obstacle(parts.world);
      if (unsupported !== null) throw noSystemd(unsupported);
      await files.makeFolder(folder);
      const there = await files.stat(path);
      const earlier = there === null ? null : await files.read(path, maxUnitBytes);
      const wasWanted = (await files.stat(wanted)) !== null;
      await files.writeDurable(path, Buffer.from(text), readableByAll);
      try {
        await reload();
        await change('enable', '--now', unit);
      } catch (thrown) {
        // The first failure is the one to tell.
        await putBack(earlier, wasWanted).catch((failure: unknown) => {
          parts.world.log.error('What was there before the service could not be put back', failure);
        });
        throw thrown;
      }
    },
    remove: async () => {
      if ((await files.stat(path)) === null) return;
      const shown = await systemctl(['show', unit, '--property=MainPID'], askTimeoutMs);
      const main = property(shown, 'MainPID');
      // Asked from the service's own window it must not stop itself in the middle of its answer.
      const now = main === String(parts.world.processes.pid) ? [] : ['--now'];
      if (main !== null) await change('disable', ...now, unit);
      await files.remove(wanted); // where systemd did not answer, it is still there
      await files.remove(path);
      if (main !== null) await reload();
    },
  };
}

/** Why there can be no service here, in words; null when there can. */
async function obstacle(world: World): Promise<string | null> {
  const timer = 'A timer of your own can run “waymark plan run-due” instead.';
  if ((await world.processes.find('systemctl')) === null) {
    return `systemd is not installed here. ${timer}`;
  }
  const answer = await ask(
    world,
    'systemctl',
    ['--user', 'show', '--property=Version'],
    askTimeoutMs,
  );
  if (answer?.code === 0) return null;
  return `systemd does not run for this user here. ${timer}`;
}

async function lingers({ world, user }: UnitParts): Promise<boolean> {
  const args = ['show-user', '--property=Linger', '--', user];
  return property(await ask(world, 'loginctl', args, askTimeoutMs), 'Linger') === 'yes';
}

/** What systemd says, in its words; 'unknown' when it does not answer. */
interface Shown {
  readonly active: string;
  readonly unitFile: string;
  readonly lingering: boolean;
  /** False: the unit file is not the one this copy writes. */
  readonly current: boolean;
}

function installed(user: string, path: string, shown: Shown): State {
  const { lingering, current } = shown;
  const other = current
    ? ''
    : ' It starts another copy of Waymark, or one that moved: install it again.';
  const active = shown.active === 'active';
  return { kind: 'installed', path, active, lingering, words: shownWords(user, shown) + other };
}

function shownWords(user: string, { active, unitFile, lingering }: Shown): string {
  if (active !== 'active') {
    return (
      `It is installed and does not run (${active}). ` + 'To see why: journalctl --user -u waymark'
    );
  }
  if (unitFile !== 'enabled') {
    return `It runs now, but will not after the next login (${unitFile}): install it again.`;
  }
  if (lingering) return 'It runs, and goes on while nobody is logged in.';
  return (
    'It runs while you are logged in. To let it run on without you: ' +
    `loginctl enable-linger ${user}`
  );
}

/** Null when the program did not answer in time or is not there. */
function ask(
  { processes }: World,
  program: string,
  args: readonly string[],
  timeoutMs: number,
): Promise<RunResult | null> {
  return processes.run(program, args, { timeoutMs }).catch(() => null);
}

/** Of `Name=value` lines; null when it is not among them. */
function property(answer: RunResult | null, name: string): string | null {
  if (answer?.code !== 0) return null;
  const line = answer.stdout.split('\n').find((one) => one.startsWith(`${name}=`));
  return line?.slice(name.length + 1).trim() ?? null;
}

function refuseFailure(result: RunResult | null, args: readonly string[]): void {
  if (result?.code === 0) return;
  const said = result === null ? 'It did not answer in time.' : result.stderr.trim();
  throw new AppError('service-failed', `systemd did not do it. ${said}`.trim(), {
    command: ['systemctl', '--user', ...args].join(' '),
    unharmed: 'Plans run as long as Waymark is open.',
    advice: 'Run the command shown here in a terminal to see more.',
  });
}

function noSystemd(words: string): AppError {
  return new AppError('unsupported', words, { unharmed: 'Nothing was changed.' });
}
