/**
 * Runs one command of the practice room and prints its answer as JSON, so that a test can run it as
 * another user: `node practice-driver.ts FOLDER RUNTIME COMMAND [UUID]`.
 */
import { openLibvirt } from '#engine/hypervisor/libvirt.ts';
import { createPractice } from '#engine/practice/practice.ts';
import { realWorld } from '#engine/world/world.ts';
import { AppError } from '#contract/errors.ts';
import { countsTo } from './practice-screen.ts';

const world = realWorld();
const [folder = '', runtimeFolder = '', command = '', uuid = ''] = process.argv.slice(2);
const practice = createPractice(world, {
  folder,
  runtimeFolder,
  hypervisor: (uri) => openLibvirt(uri, world, { reconnect: false }),
});

async function screen(): Promise<unknown> {
  const { uri } = await practice.ensureHost();
  const host = await openLibvirt(uri, world);
  try {
    return { uri, kind: (await host.info()).kind, ...(await countsTo(host, uuid, 5)) };
  } finally {
    await host.close();
  }
}

async function run(): Promise<unknown> {
  switch (command) {
    case 'create':
      return practice.create();
    case 'status':
      return practice.status();
    case 'remove':
      return practice.remove();
    case 'images':
      return practice.images();
    case 'screen':
      return screen();
    default:
      throw new Error(`unknown command ${command}`);
  }
}

try {
  console.log(JSON.stringify(await run()));
} catch (thrown) {
  console.log(JSON.stringify({ error: thrown instanceof AppError ? thrown : String(thrown) }));
  process.exitCode = 1;
}
