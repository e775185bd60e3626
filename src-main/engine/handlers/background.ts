/** Who would run a plan while the window is closed: looked at each time it is asked. */
import type { Handlers } from '#contract/contract.ts';
import { AppError } from '#contract/errors.ts';
import type { Background } from '#contract/news.ts';
import { createAutostart } from '#engine/background/autostart.ts';
import { createSystemdUnit } from '#engine/background/systemd-unit.ts';
import type { Rooms } from '../engine.ts';
import type { Schedule } from './plans.ts';

type Calls = Extract<keyof Handlers, `background.${string}`>;

export function backgroundHandlers(rooms: Rooms, { scheduler }: Schedule): Pick<Handlers, Calls> {
  const { world, options } = rooms;
  const { launch, configFolder, dataFolder, user } = options;
  const service = createSystemdUnit({
    ...{ world, configFolder, dataFolder, user },
    command: launch?.command ?? [],
  });
  const served = [...(launch?.command ?? []), 'serve', '--background', '--data', dataFolder];
  const autostart = createAutostart(world.files, configFolder, launch?.desktop ?? served);
  const look = async (): Promise<Background> => ({
    running: options.front,
    service: await service.state(),
    autostart: await autostart.state(),
    lastLook: scheduler.lastLook(),
  });
  const refuseUnknown = () => {
    if (launch !== undefined) return;
    throw new AppError('unsupported', 'This copy of Waymark does not know how it is started.', {
      unharmed: 'Nothing was changed.',
    });
  };
  return {
    'background.get': look,
    'background.service': async ({ installed }) => {
      refuseUnknown();
      await (installed ? service.install() : service.remove());
      return look();
    },
    'background.autostart': async ({ installed }) => {
      refuseUnknown();
      await (installed ? autostart.install() : autostart.remove());
      return look();
    },
  };
}
