import { expect, test } from 'vitest';
import { createAwake } from '#engine/computer/awake.ts';
import { realProcesses, type Child } from '#engine/world/processes.ts';
import { fakeWorld } from '../../../fakes/world.ts';

/** A computer whose systemd-inhibit can be looked at and ended. */
function computer(installed = true) {
  const started: {
    args: readonly string[];
    killed: boolean;
    end: (code: number | null) => void;
  }[] = [];
  const world = fakeWorld({
    processes: {
      ...realProcesses,
      find: () => Promise.resolve(installed ? '/usr/bin/systemd-inhibit' : null),
      start: (_program, args) => {
        let end: (code: number | null) => void = () => undefined;
        const exited = new Promise<number | null>((resolve) => {
          end = resolve;
        });
        const entry = { args, killed: false, end };
        started.push(entry);
        const child: Child = {
          pid: 1,
          exited,
          stderr: () => 'Failed to connect to bus',
          kill: () => {
            entry.killed = true;
            entry.end(null);
          },
        };
        return Promise.resolve(child);
      },
    },
  });
  const running = () => started.filter(({ killed }) => !killed).length;
  return { world, started, running, awake: createAwake(world) };
}

test('from the first job to the last, by one process', async () => {
  const { world, started, running, awake } = computer();
  const first = awake.hold('Backing up web-01');
  const second = awake.hold('Backing up mail');
  await world.clock.settle();
  expect(started).toHaveLength(1);
  expect(started[0]!.args).toContain('--why=Backing up web-01');
  expect(started[0]!.args).toContain(`--pid=${process.pid}`);
  first();
  first(); // twice is fine, and counts once
  await world.clock.settle();
  expect(running()).toBe(1);
  second();
  await world.clock.settle();
  expect(running()).toBe(0);
  awake.hold('Backing up web-01');
  await world.clock.settle();
  expect(running()).toBe(1);
});

test('a job that ends before it was asked for leaves nothing', async () => {
  const { world, started, running, awake } = computer();
  awake.hold('Backing up web-01')();
  await world.clock.settle();
  expect([started.length, running()]).toEqual([1, 0]);
});

test('where it is not installed nothing is started, and nothing is said', async () => {
  const { world, started, awake } = computer(false);
  awake.hold('Backing up web-01')();
  await world.clock.settle();
  expect(started).toEqual([]);
  expect(world.logged).toEqual([]);
});

test('where logind refuses, the log says so and the next job asks again', async () => {
  const { world, started, awake } = computer();
  const release = awake.hold('Backing up web-01');
  await world.clock.settle();
  started[0]!.end(1);
  await world.clock.settle();
  expect(world.logged).toMatchObject([{ level: 'warn', data: { code: 1 } }]);
  awake.hold('Backing up mail');
  await world.clock.settle();
  expect(started).toHaveLength(2);
  release();
});
