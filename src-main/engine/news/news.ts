/**
 * News: what a person should hear of while no window is open. Kept first, then told to the desktop,
 * then sent by every channel that was asked for, again and again where one does not take it, and
 * also after a restart.
 *
 * Promises: telling never fails and never waits; each channel gets each piece of news at most once
 * more than it took it; how often is tried is bounded, and that it was given up is told. Failures
 * of one plan that follow each other closely are one piece of news (gathering.ts).
 * Does not: decide what is news.
 */
import type { Emit } from '#contract/contract.ts';
import { toWireError } from '#contract/errors.ts';
import {
  channelNames,
  type Channels,
  type ChannelName,
  type ChannelTest,
  type News,
} from '#contract/news.ts';
import type { Catalog } from '#engine/catalog/catalog.ts';
import type { Delivery } from '#engine/catalog/news.ts';
import type { World } from '#engine/world/world.ts';
import { readChannels, writeChannels } from './channels-file.ts';
import { createGathering, type Gathering } from './gathering.ts';
import { mailMessage } from './mail-message.ts';
import { newsDocument, notSent } from './outgoing.ts';
import { giveToProgram } from './run-program.ts';
import { sendWebhook } from './send-webhook.ts';

const minute = 60_000;
/** Pauses before the second attempt, the third, …; after the last of them it is given up. */
export const retryMs: readonly number[] = [minute, 5 * minute, 30 * minute, 120 * minute];
const longestRetryMs = 120 * minute;
/** How long stopping waits for what is being sent. Milliseconds. */
export const stopPatienceMs = 35_000;

export interface NewsRoom {
  /** Keeps it and sends it, or sums it up with others soon. Never throws, waits for nothing. */
  tell(news: Omit<News, 'id' | 'time'>): void;
  channels(): Channels;
  /** @throws the file's error */
  setChannels(channels: Channels): Promise<void>;
  /** Sends a test now, by the channel as it is in `channels`, and says how it went. */
  test(channel: ChannelName, channels: Channels): Promise<ChannelTest>;
  /** Goes on with what was not sent before. */
  start(): void;
  /** Resolves when what is being sent has come to its end. */
  stop(): Promise<void>;
}

export interface NewsParts {
  readonly world: World;
  readonly catalog: Pick<Catalog, 'news'>;
  readonly emit: Emit;
  readonly dataFolder: string;
  /** The name of this computer, as others know it. */
  readonly computer: string;
}

export async function createNews(parts: NewsParts): Promise<NewsRoom> {
  return new KeptNews(parts, await readChannels(parts.world, parts.dataFolder));
}

class KeptNews implements NewsRoom {
  readonly #parts: NewsParts;
  readonly #stopped = new AbortController();
  /** Channels whose giving up was told, until they take something again. */
  readonly #givenUp = new Set<ChannelName>();
  #channels: Channels;
  #round: Promise<void> = Promise.resolve();
  #cancelTimer: () => void = () => undefined;

  readonly #gathering: Gathering;

  constructor(parts: NewsParts, channels: Channels) {
    this.#parts = parts;
    this.#channels = channels;
    this.#gathering = createGathering(parts.world.clock, (news) => {
      this.#tellNow(news);
    });
  }

  tell(what: Omit<News, 'id' | 'time'>): void {
    if (!this.#gathering.holds(what)) this.#tellNow(what);
  }

  #tellNow(what: Omit<News, 'id' | 'time'>): void {
    const { world, catalog, emit } = this.#parts;
    const news: News = { ...what, id: world.ids.ulid(), time: world.clock.now() };
    try {
      catalog.news.insert(news, outgoing(this.#channels));
      if (this.#channels.desktop) emit('news', news);
    } catch (thrown) {
      world.log.error('News could not be kept', thrown);
    }
    this.#sendDue();
  }

  channels(): Channels {
    return this.#channels;
  }

  async setChannels(channels: Channels): Promise<void> {
    const { world, dataFolder } = this.#parts;
    await writeChannels(world, dataFolder, channels);
    this.#channels = channels;
    this.#givenUp.clear();
    this.#sendDue();
  }

  async test(channel: ChannelName, channels: Channels): Promise<ChannelTest> {
    const { world, emit, computer } = this.#parts;
    const news: News = {
      id: world.ids.ulid(),
      kind: 'test',
      title: 'Waymark can reach you here',
      body: `This is a test from ${computer}. Failed and overdue backups are told like this.`,
      time: world.clock.now(),
      plan: null,
      machine: null,
    };
    try {
      if (channel === 'desktop') emit('news', news);
      else await this.#send(channel, news, channels);
      return { kind: 'sent' };
    } catch (thrown) {
      const logId = world.log.error(`A test by ${channel} was not sent`, thrown);
      return { kind: 'failed', error: toWireError(thrown, logId) };
    }
  }

  start(): void {
    this.#sendDue();
  }

  async stop(): Promise<void> {
    this.#gathering.end();
    this.#cancelTimer();
    const stopWaiting = this.#parts.world.clock.timer(stopPatienceMs, () => {
      this.#stopped.abort();
    });
    await this.#round; // what is due is tried once: a command may be all that ever runs here
    stopWaiting();
    this.#stopped.abort();
    this.#cancelTimer();
  }

  #sendDue(): void {
    if (this.#stopped.signal.aborted) return;
    this.#cancelTimer();
    this.#round = this.#round
      .then(() => this.#sendRound())
      .catch((thrown: unknown) => {
        this.#parts.world.log.error('News could not be sent', thrown);
      });
  }

  /** Everything that is due, in order; channels do not wait for each other. */
  async #sendRound(): Promise<void> {
    const { clock } = this.#parts.world;
    const now = clock.now();
    const waiting = this.#parts.catalog.news.deliveries();
    // A clock that was put back must not silence a channel for as long as that.
    const due = waiting.filter(({ nextAt }) => nextAt <= now || nextAt > now + longestRetryMs);
    await Promise.all(
      channelNames.map(async (name) => {
        for (const delivery of due.filter(({ channel }) => channel === name)) {
          if (!(await this.#attempt(delivery))) return;
        }
      }),
    );
    this.#arm();
  }

  #arm(): void {
    this.#cancelTimer();
    if (this.#stopped.signal.aborted) return;
    const { clock } = this.#parts.world;
    const now = clock.now();
    const times = this.#parts.catalog.news.deliveries().map(({ nextAt }) => nextAt);
    if (times.length === 0) return;
    const ms = Math.min(Math.max(Math.min(...times) - now, 0), longestRetryMs);
    this.#cancelTimer = clock.timer(ms, () => {
      this.#sendDue();
    });
  }

  /** False when the channel did not take it: the ones after it wait too. */
  async #attempt({ news, channel, attempts }: Delivery): Promise<boolean> {
    const { world, catalog } = this.#parts;
    try {
      if (outgoing(this.#channels).includes(channel)) {
        await this.#send(channel, news, this.#channels);
        this.#givenUp.delete(channel);
      }
      catalog.news.close(news.id, channel);
      return true;
    } catch (thrown) {
      world.log.error(`News was not sent by ${channel}`, thrown);
      const pause = retryMs[attempts];
      if (pause === undefined) this.#giveUp(news, channel, thrown);
      else catalog.news.tryLater(news.id, channel, world.clock.now() + pause);
      return false;
    }
  }

  /** Told to the desktop alone, once: the channel itself cannot tell it. */
  #giveUp(news: News, channel: ChannelName, thrown: unknown): void {
    const { world, catalog, emit } = this.#parts;
    catalog.news.close(news.id, channel);
    if (this.#givenUp.has(channel)) return;
    this.#givenUp.add(channel);
    const { message } = toWireError(thrown, '');
    const failure: News = {
      id: world.ids.ulid(),
      kind: 'failed',
      title: `News does not arrive by ${channelWords[channel]}`,
      body: `“${news.title}” was tried ${retryMs.length + 1} times. ${message}`,
      time: world.clock.now(),
      plan: null,
      machine: null,
    };
    catalog.news.insert(failure, []);
    emit('news', failure);
  }

  async #send(channel: ChannelName, news: News, channels: Channels): Promise<void> {
    const { world, computer } = this.#parts;
    const { signal } = this.#stopped;
    const document = () => newsDocument(news, computer);
    switch (channel) {
      case 'desktop':
        return;
      case 'command': {
        const { argv } = channels.command ?? missing(channel);
        await giveToProgram(world, channel, argv, document(), signal);
        return;
      }
      case 'mail': {
        const { to } = channels.mail ?? missing(channel);
        const subject = `Waymark on ${computer}: ${news.title}`;
        const body = `${news.body}\n\n${computer}, ${new Date(news.time).toISOString()}\n`;
        const mail = mailMessage({ to, subject, body, time: news.time });
        await giveToProgram(world, channel, ['sendmail', '-i', '-t'], mail, signal);
        return;
      }
      case 'webhook': {
        const { url } = channels.webhook ?? missing(channel);
        await sendWebhook(world, url, document(), signal);
        return;
      }
    }
  }
}

const channelWords: Readonly<Record<ChannelName, string>> = {
  desktop: 'the desktop',
  command: 'the program',
  mail: 'mail',
  webhook: 'the web address',
};

function outgoing(channels: Channels): readonly ChannelName[] {
  return (['command', 'mail', 'webhook'] as const).filter((name) => channels[name] !== null);
}

function missing(channel: ChannelName): never {
  throw notSent(channel, 'Nothing is filled in for it.', 'Fill it in, then send a test.');
}
