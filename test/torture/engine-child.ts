/**
 * The engine in a process of its own, so that it can be killed with -9 at any moment. Started by
 * engine-process.ts, which it answers over the channel between them; it ends with that channel.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { createEngine } from '#engine/engine.ts';
import { systemClock } from '#engine/world/clock.ts';
import { systemIds } from '#engine/world/ids.ts';
import { lineLog } from '#engine/world/log.ts';
import { realWorld } from '#engine/world/world.ts';
import { createDispatcher } from '../../src-main/host/dispatcher.ts';
import { desktopHandlers, noDesktop } from '../../src-main/host/desktop.ts';
import type { Asked, Answered } from './engine-process.ts';

const [folder = ''] = process.argv.slice(2);
const send = (message: Answered) => process.send?.(message);

const log = lineLog(
  (line) => {
    appendFileSync(join(folder, 'engine.log'), line);
  },
  () => systemClock.now(),
  systemIds(systemClock).ulid,
);
const engine = await createEngine(realWorld(log), {
  dataFolder: join(folder, 'data'),
  runtimeFolder: join(folder, 'run'),
  front: 'command-line',
  version: '0.0.0-torture',
  user: 'tester',
  configFolder: join(folder, 'config'),
});
const report = (message: string, thrown: unknown) => log.error(message, thrown);
const dispatcher = createDispatcher(engine, desktopHandlers(noDesktop), report);
await engine.start();
await engine.settled();

process.on('message', (message) => {
  const { id, name, input } = message as Asked;
  if (name === 'stop') {
    void engine.stop().then(() => process.disconnect());
    return;
  }
  void dispatcher.answer(name, input).then((reply) => send({ id, reply }));
});
process.on('disconnect', () => process.exit(0));
send({ id: 0, reply: { ok: true, value: null } });
