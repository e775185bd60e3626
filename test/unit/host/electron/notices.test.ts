import { describe, expect, it } from 'vitest';
import type { Job } from '#contract/domain.ts';
import type { Background } from '#contract/news.ts';
import type { Plan } from '#contract/plans.ts';
import { dataArgument, inBackground } from '../../../../src-main/host/electron/arguments.ts';
import { noticeFor, standStillNote } from '../../../../src-main/host/electron/notices.ts';

describe('arguments and notices', () => {
  it('knows --data=DIR and leaves everything else alone', () => {
    expect(dataArgument(['/bin/electron', '.', '--data=/srv/w', '--no-zygote'])).toBe('/srv/w');
    expect(dataArgument(['/bin/electron', '--data', '/srv/w'])).toBeUndefined();
    expect(dataArgument(['/bin/electron', '--data='])).toBeUndefined();
    expect(inBackground(['/bin/electron', '--background', '--data=/srv'])).toBe(true);
    expect(inBackground(['/bin/electron', '--data=/srv'])).toBe(false);
  });

  it('tells of failures always, of long work when nobody looks, of the rest never', () => {
    const base = { id: 'job-1', title: 'Back up gitea', startedAt: 0 } as Job;
    const error = { code: 'no-space', message: 'Full.', data: {} } as const;
    const failed: Job = { ...base, state: { kind: 'failed', at: 5, error } };
    expect(noticeFor(failed, true)).toEqual({
      title: 'Back up gitea: failed',
      body: 'Full.',
      at: '#/job/job-1',
    });
    const quick: Job = { ...base, state: { kind: 'done', at: 29_999 } };
    const long: Job = { ...base, state: { kind: 'done', at: 30_000 } };
    expect([noticeFor(quick, true), noticeFor(quick, false)?.body]).toEqual([null, 'Done.']);
    expect(noticeFor(long, true)?.title).toBe('Back up gitea');
    expect(noticeFor({ ...base, state: { kind: 'cancelled', at: 1 } }, false)).toBeNull();
    expect(noticeFor({ ...base, state: { kind: 'running' } }, false)).toBeNull();
  });

  it('say at the end that plans stand still, unless somebody else runs them', () => {
    const plan = { pause: { kind: 'no' } } as Plan;
    const paused = { pause: { kind: 'paused', until: null } } as Plan;
    const alone = { running: 'electron', service: { kind: 'not-installed' } } as Background;
    const service = { kind: 'installed', active: true } as Background['service'];
    expect(standStillNote([paused, plan], alone)?.title).toContain('stand still');
    expect(standStillNote([plan], { ...alone, service })).toBeNull();
    expect(standStillNote([plan], { ...alone, running: 'browser' })).toBeNull();
    expect(standStillNote([paused], alone)).toBeNull();
    expect(standStillNote([], alone)).toBeNull();
  });
});
