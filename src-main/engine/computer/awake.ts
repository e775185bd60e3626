/**
 * Keeps the computer from going to sleep by itself while a job runs, through systemd-logind where
 * it is there. It asks by a child process, so that the wish ends with us, however we end: the child
 * watches our process, and the kernel tells it too.
 */
import type { Child } from '#engine/world/processes.ts';
import type { World } from '#engine/world/world.ts';

/** How soon the child notices that we are gone where the kernel does not tell it. Seconds. */
const watchSeconds = 5;

export interface Awake {
  /** Until the returned function is called. Twice is fine; neither ever throws. */
  hold(why: string): () => void;
}

export function createAwake(world: World): Awake {
  const held = new Set<symbol>();
  let current: { readonly child: Promise<Child | null> } | null = null;

  const begin = (why: string) => {
    const mine = { child: inhibit(world, why) };
    current = mine;
    void mine.child
      .then((child) => child?.exited)
      .then(() => {
        // It could not be had, or was taken from us: the next job asks again.
        if (current === mine) current = null;
      });
  };
  const end = () => {
    const child = current?.child;
    current = null;
    void child?.then((running) => running?.kill('SIGTERM'));
  };
  return {
    hold: (why) => {
      const mine = Symbol('hold');
      held.add(mine);
      if (current === null) begin(why);
      return () => {
        if (held.delete(mine) && held.size === 0) end();
      };
    },
  };
}

/** Null where it cannot be had. Never rejects. */
async function inhibit({ processes, log }: World, why: string): Promise<Child | null> {
  const args = [
    ...['--what=sleep:idle', '--mode=block', '--who=Waymark', `--why=${why}`],
    ...['tail', `--pid=${processes.pid}`, `--sleep-interval=${watchSeconds}`, '-f', '/dev/null'],
  ];
  try {
    if ((await processes.find('systemd-inhibit')) === null) return null;
    const child = await processes.start('systemd-inhibit', args);
    void child.exited.then((code) => {
      if (code !== 0 && code !== null) {
        log.warn('The computer could not be kept awake', { code, stderr: child.stderr() });
      }
    });
    return child;
  } catch (thrown) {
    log.error('The computer could not be kept awake', thrown);
    return null;
  }
}
