/** What test/real/store-processes.test.ts starts as processes of their own. */
import { appendFileSync } from 'node:fs';
import { hasCode } from '#contract/errors.ts';
import { FolderStorage } from '#engine/store/folder-storage.ts';
import { removalGraceSeconds } from '#engine/store/kept.ts';
import { takeLease } from '#engine/store/lock.ts';
import { openRepository } from '#engine/store/repository.ts';
import { realWorld } from '#engine/world/world.ts';
import { backUp, noise, owner } from './store-fixture.ts';

const [what, path = '', file = '', name = ''] = process.argv.slice(2);
const world = realWorld();

/** Takes and gives back the lease five times, telling it in a file that is only appended to. */
async function fight(): Promise<void> {
  const storage = new FolderStorage(world, path);
  await storage.attach();
  for (let taken = 0; taken < 5;) {
    try {
      const lease = await takeLease(world, storage, owner);
      appendFileSync(file, `take ${name}\n`);
      await world.clock.sleep(20);
      await lease.check();
      appendFileSync(file, `free ${name}\n`);
      await lease.release();
      taken += 1;
    } catch (thrown) {
      if (!hasCode(thrown, 'repository-busy')) throw thrown;
      await world.clock.sleep(10);
    }
  }
}

/** Writes points until it is killed. */
async function write(): Promise<void> {
  const repository = await openRepository(world, path, null, { indexPath: file });
  for (let i = 0; i < 1000; i += 1) {
    if (i === 0) console.log('writing');
    const image = noise(`${name} ${i}`, 300 * repository.blockSizeBytes);
    await backUp(repository, `${name}-${i}`, image);
  }
}

/** Frees what is removed, as if the grace were over, again and again. */
async function clean(): Promise<void> {
  const ahead = (removalGraceSeconds + 86_400) * 1000;
  const later = { ...world, clock: { ...world.clock, now: () => world.clock.now() + ahead } };
  const repository = await openRepository(later, path, null, { indexPath: ':memory:' });
  await repository.usage();
  console.log('cleaning');
  for (let i = 0; i < 1000; i += 1) await repository.cleanUp(owner, { rewrittenBelow: 1 });
}

if (what === 'fight') await fight();
else if (what === 'clean') await clean();
else await write();
