import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { createSystemdUnit, type SystemdUnit } from '#engine/background/systemd-unit.ts';
import { fakeSystemd, type FakeSystemd } from '../../../fakes/systemctl.ts';
import { fakeWorld, temporaryFolder } from '../../../fakes/world.ts';

let configFolder: string;
let systemd: FakeSystemd;
let service: SystemdUnit;
const wants = (name = '') => join(configFolder, 'systemd/user/default.target.wants', name);
const unit = () => join(configFolder, 'systemd/user/waymark.service');

function serviceOf(command: readonly string[] = ['/usr/bin/waymark']): SystemdUnit {
  return createSystemdUnit({
    world: fakeWorld({ processes: systemd.processes }),
    configFolder,
    dataFolder: '/home/me/.local/share/waymark',
    user: 'me',
    command,
  });
}

beforeEach(() => {
  configFolder = join(temporaryFolder(), 'config');
  systemd = fakeSystemd(configFolder);
  service = serviceOf();
});

test('installing enables and starts the unit; removing takes all of it back', async () => {
  expect(await service.state()).toEqual({ kind: 'not-installed' });
  await service.install();
  expect(await service.state()).toEqual({
    kind: 'installed',
    path: unit(),
    active: true,
    lingering: false,
    words:
      'It runs while you are logged in. To let it run on without you: loginctl enable-linger me',
  });
  expect(statSync(unit()).mode & 0o777).toBe(0o644);
  await service.remove();
  expect(await service.state()).toEqual({ kind: 'not-installed' });
  expect([...systemd.enabled, ...systemd.running]).toEqual([]);
  const changes = systemd.asked.filter((line) => !/ show(-user)? /.test(line));
  expect(changes).toEqual([
    'systemctl --user daemon-reload',
    'systemctl --user enable --now waymark.service',
    'systemctl --user disable --now waymark.service',
    'systemctl --user daemon-reload',
  ]);
});

test('lingering and not running are looked at each time', async () => {
  await service.install();
  systemd.lingering = true;
  expect(await service.state()).toMatchObject({
    active: true,
    lingering: true,
    words: 'It runs, and goes on while nobody is logged in.',
  });
  systemd.running.clear();
  expect(await service.state()).toMatchObject({
    active: false,
    words: 'It is installed and does not run (inactive). To see why: journalctl --user -u waymark',
  });
});

test('a unit that starts another copy says so, and installing again makes it right', async () => {
  await service.install();
  const moved = serviceOf(['/opt/Waymark/resources/waymark']);
  expect(await moved.state()).toMatchObject({
    words: expect.stringContaining('It starts another copy of Waymark') as string,
  });
  await moved.install();
  expect(await moved.state()).toMatchObject({
    words: expect.not.stringContaining('another copy') as string,
  });
  expect(readFileSync(unit(), 'utf8')).toContain('ExecStart=/opt/Waymark/resources/waymark serve');
});

test('what systemd refuses is taken back, and told with its own words', async () => {
  systemd.refuseNext = 'Unit waymark.service is masked.';
  await expect(service.install()).rejects.toMatchObject({
    code: 'service-failed',
    message: 'systemd did not do it. Unit waymark.service is masked.',
    data: { command: 'systemctl --user daemon-reload' },
  });
  expect(existsSync(unit())).toBe(false);
});

test.each([
  ['reads its units', (it: FakeSystemd) => (it.refuseNext = 'No.')],
  ['starts it', (it: FakeSystemd) => (it.refuseStart = 'No.')],
])('a service that worked is put back where systemd refuses as it %s', async (_, refuse) => {
  await service.install();
  const earlier = readFileSync(unit(), 'utf8');
  const moved = serviceOf(['/opt/Waymark/resources/waymark']);
  refuse(systemd);
  await expect(moved.install()).rejects.toMatchObject({ code: 'service-failed' });
  expect(readFileSync(unit(), 'utf8')).toBe(earlier);
  expect(systemd.asked.at(-1)).toBe('systemctl --user daemon-reload');
  expect(await service.state()).toMatchObject({
    active: true,
    words: expect.stringMatching(/^It runs while you are logged in/) as string,
  });
  expect(existsSync(wants('waymark.service'))).toBe(true);
});

test('a new one that does not start leaves no link behind', async () => {
  systemd.refuseStart = 'No.';
  await expect(service.install()).rejects.toMatchObject({ code: 'service-failed' });
  expect(existsSync(unit())).toBe(false);
  expect(readdirSync(wants())).toEqual([]);
});

test('one that runs and is not enabled says that it will not come back', async () => {
  await service.install();
  systemd.enabled.clear();
  systemd.lingering = true;
  expect(await service.state()).toMatchObject({
    active: true,
    words: 'It runs now, but will not after the next login (disabled): install it again.',
  });
});

test.each([
  ['is not installed', false, true],
  ['does not run for this user', true, false],
])('where systemd %s it says what can be done instead', async (words, installed, answers) => {
  systemd = fakeSystemd(configFolder, installed);
  systemd.answers = answers;
  service = serviceOf();
  expect(await service.state()).toEqual({
    kind: 'unsupported',
    words: expect.stringMatching(new RegExp(`${words}.*waymark plan run-due`)) as string,
  });
  await expect(service.install()).rejects.toMatchObject({ code: 'unsupported' });
  expect(existsSync(unit())).toBe(false);
});

test('asked by the service itself, removing lets it end its answer', async () => {
  await service.install();
  systemd.mainPid = process.pid;
  await service.remove();
  expect(systemd.asked).toContain('systemctl --user disable waymark.service');
  expect(systemd.running).toContain('waymark.service');
  expect(await service.state()).toEqual({ kind: 'not-installed' });
});

test('where systemd does not answer any more, its files are removed all the same', async () => {
  await service.install();
  systemd.answers = false;
  await service.remove();
  expect(existsSync(unit())).toBe(false);
  expect(readdirSync(wants())).toEqual([]);
});
