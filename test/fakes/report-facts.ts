/** A week as a report tells of it; a test changes what it is about. */
import type { ReportFacts, ReportMachine, ReportRun } from '#engine/report/facts.ts';

const day = 86_400_000;
const hour = 3_600_000;
/** 26 November 2026, 07:00 UTC. */
export const reportTime = Date.UTC(2026, 10, 26, 7);
const gib = 1024 ** 3;

export function machine(name: string, change: Partial<ReportMachine> = {}): ReportMachine {
  return {
    name,
    host: 'this computer',
    protection: 'protected',
    words: '',
    lastGood: reportTime - 5 * hour,
    points: 7,
    ...change,
  };
}

export function run(
  machineName: string,
  words: string,
  change: Partial<ReportRun> = {},
): ReportRun {
  return {
    due: reportTime - 2 * day,
    times: 1,
    plan: 'Nightly',
    machine: machineName,
    repository: 'attic',
    words,
    advice: '',
    ...change,
  };
}

/** A quiet week: everything is protected, nothing failed. */
export function quietWeek(change: Partial<ReportFacts> = {}): ReportFacts {
  return {
    computer: 'workshop',
    version: '0.1.0',
    from: reportTime - 7 * day,
    to: reportTime,
    zone: 'Europe/Berlin',
    machines: ['web-01', 'mail', 'files'].map((name) => machine(name)),
    counts: { done: 21, problems: 0, failed: 0, missed: 0 },
    failed: [],
    problems: [],
    missed: [],
    waiting: [],
    paused: [],
    repositories: [
      {
        name: 'attic',
        path: '/srv/backup/attic',
        trouble: null,
        usedBytes: 212.4 * gib,
        freeBytes: 687.5 * gib,
        addedBytes: 9.3 * gib,
        points: 21,
        historyMs: 90 * day,
        fullAt: reportTime + 506 * day,
        verified: { time: reportTime - 3 * day, ok: true },
      },
    ],
    ...change,
  };
}

/** A week in which much went wrong. */
export function badWeek(): ReportFacts {
  const quiet = quietWeek();
  const full = 'The disk that holds the repository usb-vault is full.';
  return {
    ...quiet,
    machines: [
      ...quiet.machines,
      machine('build-runner-with-a-long-name.example.org', {
        protection: 'failing',
        words: 'The last run failed: the disk that holds the repository usb-vault is full.',
        lastGood: reportTime - 4 * day,
        points: 3,
      }),
      machine('desktop & <lab>', {
        protection: 'overdue',
        words: 'Waits for the folder of usb-vault, which is not there.',
        lastGood: reportTime - 9 * day,
        points: 0,
      }),
      machine('new-db', {
        protection: 'never',
        words: 'No restore point was made yet. The first is planned for 27 November 2026 at 02:00.',
        lastGood: null,
        points: 0,
      }),
      machine('scratch', { protection: 'not-planned', points: 0, lastGood: null }),
      machine('games', { protection: 'not-planned', points: 0 }),
    ],
    counts: { done: 24, problems: 1, failed: 3, missed: 9 },
    failed: [2, 1, 0].map((days) =>
      run('build-runner-with-a-long-name.example.org', full, {
        due: reportTime - days * day - 6 * hour,
        repository: 'usb-vault',
        advice: 'Free space there, or back up to another repository.',
      }),
    ),
    problems: [
      run('mail', 'The file systems could not be frozen: the guest agent did not answer.', {
        due: reportTime - 3 * day,
      }),
    ],
    missed: [
      run('web-01', 'Waymark was not running from 22 to 24 November 2026.', {
        due: reportTime - 4 * day,
        times: 2,
      }),
      run('desktop & <lab>', 'A newer time came while it waited.', { times: 7 }),
    ],
    waiting: [
      run('desktop & <lab>', 'Waits for the folder of usb-vault, which is not there.', {
        due: reportTime - 6 * hour,
        repository: 'usb-vault',
      }),
    ],
    paused: [{ name: 'Lab machines', words: 'until a person resumes it' }],
    repositories: [
      ...quiet.repositories,
      {
        name: 'usb-vault',
        path: '/media/anna/usb-vault',
        trouble: 'Its folder is not there.',
        usedBytes: null,
        freeBytes: null,
        addedBytes: 0,
        points: 0,
        historyMs: 0,
        fullAt: null,
        verified: null,
      },
      {
        name: 'cellar',
        path: '/srv/cellar',
        trouble: null,
        usedBytes: 930 * gib,
        freeBytes: 61 * gib,
        addedBytes: 22.1 * gib,
        points: 14,
        historyMs: 200 * day,
        fullAt: reportTime + 19 * day,
        verified: { time: reportTime - 40 * day, ok: false },
      },
      {
        name: 'new',
        path: '/srv/new',
        trouble: null,
        usedBytes: 3 * gib,
        freeBytes: 400 * gib,
        addedBytes: 3 * gib,
        points: 2,
        historyMs: 3 * day,
        fullAt: reportTime + 900 * day,
        verified: null,
      },
    ],
  };
}
