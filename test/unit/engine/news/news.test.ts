/** Keeping, sending again, giving up: with a program whose answers the test decides. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Channels, News } from '#contract/news.ts';
import type { PlanId } from '#contract/plans.ts';
import { openCatalog } from '#engine/catalog/catalog.ts';
import { defaultChannels } from '#engine/news/channels-file.ts';
import { createNews, retryMs, stopPatienceMs } from '#engine/news/news.ts';
import { realProcesses } from '#engine/world/processes.ts';
import type { GroupEnd, GroupOptions } from '#engine/world/process-group.ts';
import { handClock } from '../../../fakes/clock.ts';
import { fakeWorld, temporaryFolder, type FakeWorld } from '../../../fakes/world.ts';

interface Sent {
  readonly argv: readonly string[];
  readonly input: string;
}

let dataFolder: string;
let sent: Sent[];
let ends: GroupEnd;
let hang: boolean;
let emitted: News[];

beforeEach(() => {
  dataFolder = temporaryFolder();
  sent = [];
  ends = { kind: 'exited', code: 0 };
  hang = false;
  emitted = [];
});

const failed = {
  kind: 'failed',
  title: 'web-01 was not backed up',
  body: 'Plan Nightly: the folder is full.',
  plan: null,
  machine: null,
} as const;
const byCommand: Channels = { ...defaultChannels, command: { argv: ['/opt/tell', '-v'] } };

function testWorld(): FakeWorld {
  const runGroup = async (program: string, args: readonly string[], options: GroupOptions) => {
    sent.push({ argv: [program, ...args], input: options.input ?? '' });
    options.onLine('no route to anywhere');
    if (!hang) return ends;
    return new Promise<GroupEnd>((resolve) => {
      options.signal?.addEventListener('abort', () => {
        resolve({ kind: 'cancelled' });
      });
    });
  };
  return fakeWorld({ processes: { ...realProcesses, runGroup } });
}

async function room(world = testWorld(), channels: Channels | null = byCommand) {
  const catalog = await openCatalog(world, dataFolder);
  onTestFinished(() => {
    catalog.close();
  });
  const news = await createNews({
    ...{ world, catalog, dataFolder, computer: 'attic-pc' },
    emit: (name, payload) => {
      if (name === 'news') emitted.push(payload as News);
    },
  });
  if (channels !== null) await news.setChannels(channels);
  return { world, catalog, news };
}

test('it is kept, told to the desktop and given to the program, once', async () => {
  const { world, catalog, news } = await room();
  news.tell(failed);
  await world.clock.advance(3 * 3_600_000);
  expect(emitted).toMatchObject([failed]);
  expect(catalog.news.since(0)).toEqual(emitted);
  expect(sent.map(({ argv }) => argv)).toEqual([['/opt/tell', '-v']]);
  expect(JSON.parse(sent[0]!.input)).toEqual({
    product: 'Waymark',
    computer: 'attic-pc',
    id: emitted[0]!.id,
    kind: 'failed',
    time: '2026-11-23T08:00:00.000Z',
    title: failed.title,
    body: failed.body,
    text: `${failed.title}\n${failed.body}`,
    plan: null,
    machine: null,
  });
});

test('with the desktop switched off it is not told there, and still kept', async () => {
  const { catalog, news } = await room(testWorld(), { ...defaultChannels, desktop: false });
  news.tell(failed);
  expect(emitted).toEqual([]);
  expect(catalog.news.since(0)).toHaveLength(1);
});

test('mail goes through sendmail, which reads the address from the mail', async () => {
  const { world, news } = await room(testWorld(), {
    ...defaultChannels,
    mail: { to: 'me@example.org' },
  });
  news.tell(failed);
  await world.clock.settle();
  expect(sent.map(({ argv }) => argv)).toEqual([['sendmail', '-i', '-t']]);
  expect(sent[0]!.input).toContain('To: me@example.org\n');
  expect(sent[0]!.input).toContain('Subject: Waymark on attic-pc: web-01 was not backed up\n');
});

describe('a channel that does not take it', () => {
  test('is tried again, with longer pauses, then given up, which is told once', async () => {
    const { world, catalog, news } = await room();
    ends = { kind: 'exited', code: 1 };
    news.tell(failed);
    await world.clock.settle();
    for (const [index, pause] of retryMs.entries()) {
      expect(sent).toHaveLength(index + 1);
      await world.clock.advance(pause - 1);
      expect(sent).toHaveLength(index + 1);
      await world.clock.advance(1);
    }
    expect(sent).toHaveLength(retryMs.length + 1);
    expect(catalog.news.deliveries()).toEqual([]);
    expect(emitted).toHaveLength(2);
    expect(emitted[1]).toMatchObject({
      kind: 'failed',
      title: 'News does not arrive by the program',
    });
    expect(emitted[1]!.body).toContain('/opt/tell ended with 1. It printed: no route to anywhere');
    news.tell(failed);
    await world.clock.advance(24 * 3_600_000);
    expect(sent).toHaveLength(2 * (retryMs.length + 1));
    expect(emitted).toHaveLength(3); // the news itself; giving up again is not told again
    expect(world.clock.waiting).toBe(0);
  });

  test('gets everything in its order when it works again', async () => {
    const { world, news } = await room();
    ends = { kind: 'exited', code: 1 };
    news.tell({ ...failed, title: 'first' });
    news.tell({ ...failed, title: 'second' });
    await world.clock.settle();
    ends = { kind: 'exited', code: 0 };
    sent = [];
    await world.clock.advance(retryMs[0]!);
    const titles = sent.map(({ input }) => (JSON.parse(input) as { title: string }).title);
    expect(titles).toEqual(['first', 'second']);
  });

  test('is tried again after a restart', async () => {
    const first = await room();
    ends = { kind: 'timed-out' };
    first.news.tell(failed);
    await first.world.clock.settle();
    await first.news.stop();
    ends = { kind: 'exited', code: 0 };
    sent = [];
    const later = testWorld();
    later.clock.setWallClock(handClock().now() + retryMs[0]!);
    const second = await room(later, null);
    second.news.start();
    await later.clock.settle();
    expect(sent).toHaveLength(1);
    expect(second.catalog.news.deliveries()).toEqual([]);
  });

  test('is not silenced by a clock that was put back a year', async () => {
    const { world, news } = await room();
    ends = { kind: 'exited', code: 1 };
    news.tell(failed);
    await world.clock.settle();
    world.clock.setWallClock(world.clock.now() - 365 * 86_400_000);
    ends = { kind: 'exited', code: 0 };
    await world.clock.advance(2 * 3_600_000);
    expect(sent).toHaveLength(2);
  });

  test('and is switched off meanwhile gets nothing more', async () => {
    const { world, catalog, news } = await room();
    ends = { kind: 'exited', code: 1 };
    news.tell(failed);
    await world.clock.settle();
    await news.setChannels(defaultChannels);
    await world.clock.advance(retryMs[0]!);
    expect(sent).toHaveLength(1);
    expect(catalog.news.deliveries()).toEqual([]);
  });
});

test('stopping waits for what is being sent, but not for ever', async () => {
  const { world, catalog, news } = await room();
  hang = true;
  news.tell(failed);
  await world.clock.settle();
  const stopping = news.stop();
  await world.clock.advance(stopPatienceMs);
  await stopping;
  expect(catalog.news.deliveries()).toMatchObject([{ attempts: 1 }]);
  expect(world.clock.waiting).toBe(0);
});

describe('a test', () => {
  test('goes by the channel as it is typed, saved or not, and is not kept', async () => {
    const { catalog, news } = await room(testWorld(), null);
    expect(await news.test('command', byCommand)).toEqual({ kind: 'sent' });
    expect(sent).toHaveLength(1);
    expect(await news.test('desktop', defaultChannels)).toEqual({ kind: 'sent' });
    expect(emitted).toMatchObject([{ kind: 'test' }]);
    expect(catalog.news.since(0)).toEqual([]);
  });

  test('that fails says what and what to do', async () => {
    const { news } = await room();
    ends = { kind: 'killed', signal: 'SIGSEGV' };
    expect(await news.test('command', byCommand)).toMatchObject({
      kind: 'failed',
      error: {
        code: 'news-not-sent',
        data: { channel: 'command', advice: expect.any(String) as string },
      },
    });
    expect(await news.test('mail', byCommand)).toMatchObject({
      kind: 'failed',
      error: { message: 'Nothing is filled in for it.' },
    });
  });
});

describe('what a person said', () => {
  test('is kept where only they can read it, and is there after a restart', async () => {
    const secret: Channels = {
      ...defaultChannels,
      webhook: { url: 'https://chat.example.org/hook/s3cret' },
    };
    await room(testWorld(), secret);
    const path = join(dataFolder, 'channels.json');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect((await room(testWorld(), null)).news.channels()).toEqual(secret);
    expect(readFileSync(join(dataFolder, 'catalog.db'))).not.toContain('s3cret');
  });

  test.each([
    ['not JSON', '{'],
    ['of another shape', '{"desktop": "yes"}'],
    ['with an address that is none', JSON.stringify({ ...defaultChannels, mail: { to: 'x\ny' } })],
  ])('in a file that is %s is not believed, and not overwritten', async (_what, content) => {
    mkdirSync(dataFolder, { recursive: true });
    const path = join(dataFolder, 'channels.json');
    writeFileSync(path, content);
    const { world, news } = await room(testWorld(), null);
    expect(news.channels()).toEqual(defaultChannels);
    expect(world.logged).toMatchObject([{ level: 'error' }]);
    expect(readFileSync(path, 'utf8')).toBe(content);
  });
});

test('failures of one plan are one piece of news after the first, also when it stops', async () => {
  const { world, catalog, news } = await room();
  const plan = 'nightly' as PlanId;
  for (const name of ['a', 'b', 'c']) news.tell({ ...failed, title: `${name} failed`, plan });
  expect(emitted.map(({ title }) => title)).toEqual(['a failed']);
  const stopping = news.stop();
  await world.clock.advance(1);
  await stopping;
  expect(emitted.map(({ title }) => title)).toEqual(['a failed', '2 more backups failed']);
  expect(sent).toHaveLength(2);
  expect(catalog.news.deliveries()).toEqual([]);
});
