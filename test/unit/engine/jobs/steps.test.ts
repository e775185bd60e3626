import { describe, expect, test } from 'vitest';
import { AppError } from '#contract/errors.ts';
import { createStepLog, maxRecordedSteps } from '#engine/jobs/steps.ts';

function log() {
  let now = 0;
  let changes = 0;
  const steps = createStepLog(
    () => (now += 10),
    () => {
      changes += 1;
    },
  );
  return { ...steps, changes: () => changes };
}

describe('steps', () => {
  test('nest, keep their notes and times, and hand through what the work returns', async () => {
    const { root, snapshot, changes } = log();
    const value = await root.step('Transfer', async (inner) => {
      inner.note('2 disks');
      await inner.step('vda', async (disk) => {
        disk.note('1.2 GiB');
      });
      return 7;
    });
    expect(value).toBe(7);
    expect(snapshot()).toEqual([
      {
        title: 'Transfer',
        startedAt: 10,
        endedAt: 40,
        outcome: 'done',
        note: '2 disks',
        steps: [{ title: 'vda', startedAt: 20, endedAt: 30, outcome: 'done', note: '1.2 GiB' }],
      },
    ]);
    expect(changes()).toBe(6);
  });

  test('side by side stay side by side', async () => {
    const { root, snapshot } = log();
    await Promise.all([root.step('a', async () => {}), root.step('b', async () => {})]);
    expect(snapshot().map(({ title, outcome }) => [title, outcome])).toEqual([
      ['a', 'done'],
      ['b', 'done'],
    ]);
  });

  test('that throw are failed with the reason, and the error goes on', async () => {
    const { root, snapshot } = log();
    const error = new AppError('image-missing', 'The image is gone.');
    await expect(root.step('Read', () => Promise.reject(error))).rejects.toBe(error);
    expect(snapshot()[0]).toMatchObject({ outcome: 'failed', note: 'The image is gone.' });
  });

  test('that were cancelled are skipped, not failed', async () => {
    const { root, snapshot } = log();
    const error = new AppError('cancelled', 'Cancelled.');
    await expect(root.step('Read', () => Promise.reject(error))).rejects.toBe(error);
    expect(snapshot()[0]).toMatchObject({ outcome: 'skipped' });
  });

  test('left running at the end get the end of their job', () => {
    const { root, snapshot, close } = log();
    void root.step('Read', () => new Promise(() => {}));
    root.note('halfway');
    close('failed');
    expect(snapshot()[0]).toMatchObject({ outcome: 'failed', note: 'halfway', endedAt: 20 });
  });

  test('beyond the limit run without being recorded', async () => {
    const { root, snapshot } = log();
    let ran = 0;
    for (let i = 0; i <= maxRecordedSteps; i += 1) {
      await root.step('s', async () => {
        ran += 1;
      });
    }
    expect(ran).toBe(maxRecordedSteps + 1);
    expect(snapshot()).toHaveLength(maxRecordedSteps);
  });
});
