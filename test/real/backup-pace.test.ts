/** A plan that may read only so much a second takes the time that needs, and loses nothing. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PlanRun } from '#contract/plans.ts';
import { burstMs } from '#engine/backup/pace.ts';
import { planDraft } from '../fakes/plans.ts';
import { admit } from './patient.ts';
import { startPrivateLibvirtd, whyNoLibvirtd, type PrivateLibvirtd } from './private-libvirtd.ts';
import { startTestEngine, type TestEngine } from './test-engine.ts';

const reason = whyNoLibvirtd();
if (reason !== null) console.log(`skipped: backup pace: ${reason}`);
const mib = 1024 * 1024;
const largestRead = mib; // what is let through first is paid for by what comes after it

describe.skipIf(reason !== null)('a backup that is held to a pace', { timeout: 120_000 }, () => {
  let libvirtd: PrivateLibvirtd;
  let engine: TestEngine;

  beforeAll(async () => {
    libvirtd = await startPrivateLibvirtd();
    engine = await startTestEngine({ runsPlans: true });
  }, 60_000);
  afterAll(async () => {
    await engine.stop();
    await libvirtd.stop();
  });

  test('takes at least the time its pace needs, and is exact', async () => {
    const { handlers } = engine.engine;
    const attic = await engine.createRepository('attic', null);
    const patient = await admit(libvirtd, engine, 'paced');
    await patient.vda.write(1, 0, 8 * mib);
    const runAt = async (bytesPerSecond: number) => {
      const draft = planDraft(patient.id, attic.id, {
        ...{ name: `at ${bytesPerSecond}`, calendar: null },
        limits: { machinesAtOnce: 1, bytesPerSecond },
      });
      const { id } = await handlers['plans.create']({ draft });
      await handlers['plans.run']({ plan: id, machine: null });
      const filter = { plan: id, machineUuid: null, before: null, limit: 1 };
      const last = async (): Promise<PlanRun | undefined> =>
        (await handlers['plans.runs'](filter))[0];
      const kind = async () => (await last())?.state.kind;
      await expect.poll(kind, { timeout: 60_000, interval: 50 }).toBe('done');
      const point = await handlers['points.get']({ point: (await last())?.point ?? ('' as never) });
      expect(point.readBytes).toBeGreaterThanOrEqual(8 * mib);
      const least = (point.readBytes - largestRead) / bytesPerSecond - burstMs / 1000;
      expect(point.seconds).toBeGreaterThanOrEqual(least);
      await patient.expectExact(point);
    };
    await runAt(4 * mib);
    await patient.vda.write(2, 0, 8 * mib);
    await runAt(2 * mib);
  });
});
