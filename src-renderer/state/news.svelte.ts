/** Where news goes beside the desktop's notices, the report, and news as it comes. */
import type { Client } from '#contract/client.ts';
import type { Output } from '#contract/contract.ts';
import type { AppError } from '#contract/errors.ts';
import type { ChannelName, Channels, ChannelTest, News as Item } from '#contract/news.ts';
import { Loading } from './loading.svelte.ts';

export class News {
  readonly #client: Client;
  readonly #channels = new Loading<Channels | null>(null);

  constructor(client: Client) {
    this.#client = client;
  }

  /** Null until they were read. */
  get channels(): Channels | null {
    return this.#channels.value;
  }

  get problem(): AppError | null {
    return this.#channels.problem;
  }

  load(): Promise<void> {
    return this.#channels.read(() => this.#client.call('channels.get', {}));
  }

  async save(channels: Channels): Promise<void> {
    this.#channels.set(await this.#client.call('channels.set', { channels }));
  }

  /** Sends a test by the channel as it is in `channels`, saved or not. */
  test(channel: ChannelName, channels: Channels): Promise<ChannelTest> {
    return this.#client.call('channels.test', { channel, channels });
  }

  makeReport(): Promise<Output<'report.make'>> {
    return this.#client.call('report.make', {});
  }

  /** Called for everything a person should hear of. */
  on(listener: (item: Item) => void): () => void {
    return this.#client.on('news', listener);
  }
}
