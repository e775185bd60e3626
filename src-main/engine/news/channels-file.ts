/**
 * Where news goes, as a person said it. It lies in a file of its own, of mode 0600, and not in the
 * catalog: a web address or an argument of a program can be a secret.
 */
import { join } from 'node:path';
import { checkInput } from '#contract/check.ts';
import type { Input } from '#contract/contract.ts';
import type { Channels } from '#contract/news.ts';
import type { World } from '#engine/world/world.ts';

export const defaultChannels: Channels = {
  desktop: true,
  command: null,
  mail: null,
  webhook: null,
  weeklyReport: null,
};

const fileName = 'channels.json';
const privateFile = 0o600;
/** 64 arguments of 4,096 characters, and the rest. */
const maxFileBytes = 2 * 1024 * 1024;

/** The defaults where nothing was said, or where the file cannot be read, which the log tells. */
export async function readChannels({ files, log }: World, folder: string): Promise<Channels> {
  const path = join(folder, fileName);
  try {
    if ((await files.stat(path)) === null) return defaultChannels;
    const content: unknown = JSON.parse((await files.read(path, maxFileBytes)).toString());
    return (checkInput('channels.set', { channels: content }) as Input<'channels.set'>).channels;
  } catch (thrown) {
    log.error(`The channels of news in ${path} could not be read`, thrown);
    return defaultChannels;
  }
}

/** @throws the file's error */
export async function writeChannels(
  { files }: World,
  folder: string,
  channels: Channels,
): Promise<void> {
  const text = `${JSON.stringify(channels, null, 2)}\n`;
  await files.writeDurable(join(folder, fileName), Buffer.from(text), privateFile);
}
