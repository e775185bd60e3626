import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Channels, ChannelTest } from '#contract/news.ts';
import { createFakeEngine, type FakeEngine } from '../../../fakes/handlers.ts';
import { waymark } from '../../../fakes/terminal-run.ts';

const html = '<!doctype html>\n<title>Seven days</title>\n';
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'waymark-report-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const channels: Channels = {
  ...{ desktop: true, command: null, mail: null, weeklyReport: null },
  webhook: { url: 'https://hook.example/x' },
};

function engineWith(test: ChannelTest = { kind: 'sent' }): {
  readonly engine: FakeEngine;
  readonly tested: unknown[];
} {
  const fake = createFakeEngine();
  const tested: unknown[] = [];
  const handlers: FakeEngine['handlers'] = {
    ...fake.handlers,
    'report.make': async () => ({ html, name: 'waymark-2026-11-27.html' }),
    'channels.get': async () => channels,
    'channels.test': async (input) => {
      tested.push(input);
      return test;
    },
  };
  return { engine: { ...fake, handlers }, tested };
}

describe('report', () => {
  it('is a new file only this user can read', async () => {
    const path = join(folder, 'new.html');
    const run = await waymark(['report', '--to', path, '--json'], engineWith());
    expect(run.code).toBe(0);
    expect(JSON.parse(run.out)).toEqual({ report: { path, sizeBytes: html.length } });
    expect(readFileSync(path, 'utf8')).toBe(html);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('replaces nothing without a yes', async () => {
    const path = join(folder, 'old.html');
    writeFileSync(path, 'old');
    const alone = await waymark(['report', '--to', path], engineWith());
    expect([alone.code, readFileSync(path, 'utf8')]).toEqual([3, 'old']);
    const sure = await waymark(['report', '--to', path, '--yes'], engineWith());
    expect([sure.code, readFileSync(path, 'utf8')]).toEqual([0, html]);
  });

  it('leaves nothing behind where it cannot be written', async () => {
    const path = join(folder, 'nowhere', 'x.html');
    const run = await waymark(['report', '--to', path], engineWith());
    expect([run.code, run.out]).toEqual([1, '']);
    const at = join(folder, 'a-folder');
    const before = readdirSync(folder);
    expect((await waymark(['report', '--to', `${at}/..`, '--yes'], engineWith())).code).toBe(1);
    expect(readdirSync(folder)).toEqual(before);
  });

  it('is printed when that is asked, and not as JSON', async () => {
    const run = await waymark(['report', '--to', '-'], engineWith());
    expect([run.code, run.out]).toEqual([0, html]);
    expect((await waymark(['report', '--to', '-', '--json'])).code).toBe(2);
  });
});

describe('news test', () => {
  it('sends by the way that is set', async () => {
    const { engine, tested } = engineWith();
    const run = await waymark(['news', 'test', 'webhook', '--json'], { engine });
    expect([run.code, JSON.parse(run.out)]).toEqual([0, { channel: 'webhook', sent: true }]);
    expect(tested).toEqual([{ channel: 'webhook', channels }]);
  });

  it('fails with the reason', async () => {
    const error = { code: 'not-connected', message: 'No answer.', data: {} } as const;
    const run = await waymark(['news', 'test', 'mail'], engineWith({ kind: 'failed', error }));
    expect([run.code, run.err]).toEqual([1, 'waymark: No answer.\n']);
  });

  it('knows its ways', async () => {
    const run = await waymark(['news', 'test', 'pigeon'], engineWith());
    expect([run.code, run.opened]).toEqual([2, false]);
  });
});
