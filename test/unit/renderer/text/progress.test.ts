import { describe, expect, test } from 'vitest';
import type { Job, JobId, JobState, Progress } from '#contract/domain.ts';
import { progressWords } from '../../../../src-renderer/text/progress.ts';

const gib = 1024 ** 3;
const began = 1_000_000;

function job(
  progress: Partial<Progress> | null,
  state: JobState = { kind: 'running' },
  kind: Job['kind'] = 'backup',
): Job {
  return {
    id: 'j' as JobId,
    kind,
    title: 'Back up web-01 to attic',
    machine: null,
    repository: null,
    createdAt: began,
    startedAt: began,
    state,
    progress:
      progress === null
        ? null
        : {
            activity: 'Reading vda (1 of 2)',
            doneBytes: 6 * gib,
            totalBytes: 10 * gib,
            readBytes: 6 * gib,
            storedBytes: gib,
            bytesPerSecond: 58 * 1024 ** 2,
            secondsLeft: 70,
            stalled: null,
            ...progress,
          },
    steps: [],
    cancelEffect: '',
    result: null,
  };
}

describe('progressWords', () => {
  test('says done of total, stored, rate and time left', () => {
    expect(progressWords(job({}), 0.6, began + 60_000)).toEqual({
      tone: 'running',
      activity: 'Reading vda (1 of 2)',
      amount: '6 of 10 GiB',
      amountLabel: 'Read',
      stored: '1 GiB',
      rate: '58 MiB/s',
      end: 'about 1 min left',
      fraction: 0.6,
    });
  });

  test('P2: no time left before 5 s or before 2 %', () => {
    expect(progressWords(job({}), 0.6, began + 4_900).end).toBe('');
    expect(progressWords(job({}), 0.6, began + 5_000).end).toBe('about 1 min left');
    expect(progressWords(job({}), 0.019, began + 60_000).end).toBe('');
    expect(progressWords(job({}), 0.02, began + 60_000).end).toBe('about 1 min left');
  });

  test('P2: when nothing moves it says so and why, and promises no time', () => {
    const words = progressWords(
      job({ stalled: 'attic has not answered for 34 s' }),
      0.6,
      began + 60_000,
    );
    expect(words).toMatchObject({
      tone: 'waiting',
      end: 'Waiting for storage…',
      activity: 'attic has not answered for 34 s',
      rate: '',
    });
  });

  test('P3: never full before the end', () => {
    const words = progressWords(job({ doneBytes: 10 * gib }), 1, began + 60_000);
    expect(words.fraction).toBeLessThan(1);
    expect(words.end).toBe('Almost done: verifying');
  });

  test('P4: only a backup stores; a restore writes', () => {
    const words = progressWords(job({}, { kind: 'running' }, 'restore'), 0.6, began + 60_000);
    expect(words).toMatchObject({ stored: '', amountLabel: 'Written and compared' });
  });

  test('P5: cancelling is said at once', () => {
    const words = progressWords(job({}, { kind: 'cancelling' }), 0.6, began + 60_000);
    expect(words).toMatchObject({ end: 'Cancelling…', tone: 'quiet', rate: '' });
  });

  test('a job that waits says for what; one that begins says so', () => {
    const waiting = job(null, { kind: 'queued', waitsFor: 'another job of web-01' });
    expect(progressWords(waiting, null, began).activity).toBe('Waits for another job of web-01');
    expect(progressWords(job(null), null, began).activity).toBe('Getting ready…');
  });

  test('a change of snapshots writes, and one that writes nothing counts nothing', () => {
    const running = { kind: 'running' } as const;
    expect(progressWords(job({}, running, 'snapshot'), 0.6, began).amountLabel).toBe('Written');
    const none = job({ doneBytes: 0, totalBytes: 0 }, running, 'snapshot-delete');
    expect(progressWords(none, null, began).amount).toBe('');
  });
});
