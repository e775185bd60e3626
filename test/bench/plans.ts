/**
 * `node test/bench/plans.ts`: how long one look at the plans holds the engine's event loop, by the
 * number of machines in one plan: claiming what is due, and a look that finds nothing due. Prints
 * the times and their ratio to the smallest; times of different computers do not compare.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostId, JobId, MachineId, RepositoryId } from '#contract/domain.ts';
import type { PlanId } from '#contract/plans.ts';
import { openCatalog } from '#engine/catalog/catalog.ts';
import type { Seen } from '#engine/schedule/members.ts';
import type { ScheduleParts } from '#engine/schedule/parts.ts';
import { createScheduler } from '#engine/schedule/scheduler.ts';
import { realWorld } from '#engine/world/world.ts';
import { planDraft } from '../fakes/plans.ts';
import { repositoryRecord } from '../fakes/records.ts';

const sizes = [10, 50, 200, 1000];
const quietLooks = 50;
const repository = 'repo-attic' as RepositoryId;
const host = 'host-1' as HostId;

function seenMachines(count: number): Seen {
  const machines = Array.from({ length: count }, (_, n) => ({
    id: `${host}/uuid-${n}` as MachineId,
    uuid: `uuid-${n}`,
    name: `machine-${n}`,
    host,
    ...{ state: 'running' as const, disks: ['vda'] },
  }));
  return { hosts: [{ id: host, name: 'here', connected: true }], machines };
}

/** Nothing begins: what is measured is the look, not the backups. */
function parts(seen: Seen, world: ScheduleParts['world'], catalog: ScheduleParts['catalog']) {
  const wait = { reason: 'on-battery', words: 'Waits until the computer is plugged in.' } as const;
  const never = () => Promise.reject(new Error('nothing begins here'));
  const made: ScheduleParts = {
    world,
    catalog,
    jobs: { get: never as never, ended: never, ofMachine: () => null },
    conditions: { check: () => Promise.resolve(wait) },
    hooks: { run: never, check: () => Promise.resolve(null) },
    awake: { hold: () => () => undefined },
    retention: { removeByRule: never },
    starters: { backup: () => '' as JobId, verify: () => '' as JobId },
    seen: () => seen,
    readPoints: never,
    onNews: () => undefined,
    onRun: () => undefined,
    onPlans: () => undefined,
  };
  return made;
}

async function measure(count: number): Promise<{ claimMs: number; quietMs: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'waymark-bench-plans-'));
  const world = realWorld();
  const catalog = await openCatalog(world, folder);
  try {
    catalog.repositories.insert(repositoryRecord({ id: repository }));
    const now = world.clock.now();
    const draft = planDraft(null, repository, { calendar: { kind: 'hourly', minute: 0 } });
    const due = now - (now % 3_600_000);
    catalog.plans.insert({ id: 'p' as PlanId, draft, createdAt: due - 1, nextDue: due });
    const scheduler = createScheduler(parts(seenMachines(count), world, catalog));
    const before = performance.now();
    scheduler.start();
    const claimMs = performance.now() - before;
    const again = performance.now();
    for (let look = 0; look < quietLooks; look += 1) scheduler.wake();
    const quietMs = (performance.now() - again) / quietLooks;
    await scheduler.stop();
    return { claimMs, quietMs };
  } finally {
    catalog.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const rounded = (ms: number) => Math.round(ms * 10) / 10;
await measure(sizes[0] ?? 1); // the code is compiled now
let first: number | null = null;
for (const count of sizes) {
  const { claimMs, quietMs } = await measure(count);
  first ??= claimMs;
  const ratio = rounded(claimMs / first);
  process.stdout.write(
    `${count} machines: claimed in ${rounded(claimMs)} ms (× ${ratio}), ` +
      `a look with nothing due ${rounded(quietMs)} ms\n`,
  );
}
