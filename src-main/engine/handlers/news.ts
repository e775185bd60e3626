import { dirname } from 'node:path';
import type { Handlers } from '#contract/contract.ts';
import { AppError } from '#contract/errors.ts';
import type { Channels } from '#contract/news.ts';
import { webhookProblem } from '#engine/news/send-webhook.ts';
import type { World } from '#engine/world/world.ts';
import type { Rooms } from '../engine.ts';
import { answer } from './answer.ts';
import type { Schedule } from './plans.ts';
import { makeReport } from './report.ts';

type Calls = Extract<keyof Handlers, `channels.${string}` | 'report.make'>;

export function newsHandlers(rooms: Rooms, schedule: Schedule): Pick<Handlers, Calls> {
  const { world, news } = rooms;
  return {
    'channels.get': () => answer(() => news.channels()),
    'channels.set': async ({ channels }) => {
      await refuseImpossible(world, channels);
      await news.setChannels(channels);
      return news.channels();
    },
    'channels.test': ({ channel, channels }) => news.test(channel, channels),
    'report.make': () => answer(() => makeReport(rooms, schedule)),
  };
}

async function refuseImpossible({ files }: World, channels: Channels): Promise<void> {
  const wrong = channels.webhook === null ? null : webhookProblem(channels.webhook.url);
  if (wrong !== null) {
    throw new AppError('invalid-input', wrong, { field: 'webhook', advice: 'Correct it.' });
  }
  const folder = channels.weeklyReport?.folder ?? null;
  if (folder === null) return;
  if ((await files.stat(folder)) === null) {
    throw new AppError('path-not-found', `There is no folder at ${folder}.`, {
      path: folder,
      advice: `Make it, or choose another one; ${dirname(folder)} may be where it should be.`,
    });
  }
  if (await files.may(folder, 'write')) return;
  throw new AppError('permission-denied', `This user may not write into ${folder}.`, {
    path: folder,
    advice: 'Choose a folder of your own.',
  });
}
