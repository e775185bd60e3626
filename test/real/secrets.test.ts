/** Secrets through a real process that stands in for secret-tool, and real files. */
import {
  copyFileSync,
  existsSync,
  readFileSync,
  statSync,
  writeFileSync,
  chmodSync,
} from 'node:fs';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { realFiles } from '#engine/world/files.ts';
import { realProcesses } from '#engine/world/processes.ts';
import { createSecrets } from '#engine/world/secrets.ts';
import { temporaryFolder } from '../fakes/world.ts';

const key = Buffer.from('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff', 'hex');
const id = '01JD-repository_1';
const systemPath = '/usr/bin:/bin';
type Mode = 'works' | 'absent' | 'no-service' | 'hangs' | 'locked' | 'forgets';

function room(mode: Mode) {
  const folder = temporaryFolder();
  const bin = join(folder, 'bin');
  const kept = join(folder, 'kept');
  const data = join(folder, 'data');
  for (const path of [bin, kept, data]) mkdirSync(path);
  if (mode !== 'absent') {
    copyFileSync(join(import.meta.dirname, '../fakes/secret-tool'), join(bin, 'secret-tool'));
  }
  const env = { PATH: `${bin}:${systemPath}`, FAKE_SECRETS: kept, FAKE_SECRETS_MODE: mode };
  // Where a real secret-tool is installed, "absent" must not find it.
  if (mode === 'absent') env.PATH = bin;
  const secrets = createSecrets(realProcesses, realFiles, data, { env, probeTimeoutMs: 1000 });
  return {
    secrets,
    secretFile: join(kept, `${id}.secret`),
    keyFile: join(data, 'keys', `${id}.key`),
    keysFolder: join(data, 'keys'),
    arguments: () => readFileSync(join(kept, 'arguments'), 'utf8'),
  };
}

describe('with a Secret Service that answers', () => {
  test('the key goes there and nowhere else, comes back, and is forgotten', async () => {
    const { secrets, secretFile, keysFolder } = room('works');
    expect((await secrets.describe()).kind).toBe('secret-service');
    expect(await secrets.load(id)).toBeNull();
    expect(await secrets.store(id, key)).toMatchObject({ kind: 'secret-service' });
    expect(existsSync(keysFolder)).toBe(false);
    expect(readFileSync(secretFile, 'utf8')).toBe(key.toString('base64'));
    expect(await secrets.load(id)).toEqual(key);
    await secrets.forget(id);
    expect(existsSync(secretFile)).toBe(false);
    expect(await secrets.load(id)).toBeNull();
  });

  test('the key is never an argument', async () => {
    const { secrets, arguments: given } = room('works');
    await secrets.store(id, key);
    await secrets.load(id);
    expect(given()).toContain(id);
    expect(given()).not.toContain(key.toString('base64'));
    expect(given()).not.toContain(key.toString('hex'));
  });

  test('an older key file is removed when the key moves there', async () => {
    const { secrets, keyFile, keysFolder } = room('works');
    mkdirSync(keysFolder);
    writeFileSync(keyFile, 'AAAA\n', { mode: 0o600 });
    await secrets.store(id, key);
    expect(existsSync(keyFile)).toBe(false);
    expect(await secrets.load(id)).toEqual(key);
  });
});

describe.each(['absent', 'no-service', 'hangs', 'locked', 'forgets'] as const)(
  'with secret-tool that is %s',
  (mode) => {
    test('the key goes to a file of mode 0600 in a folder of mode 0700, and says so', async () => {
      const { secrets, keyFile, keysFolder } = room(mode);
      expect(await secrets.store(id, key)).toMatchObject({ kind: 'file' });
      expect(statSync(keyFile).mode & 0o777).toBe(0o600);
      expect(statSync(keysFolder).mode & 0o777).toBe(0o700);
      expect(await secrets.load(id)).toEqual(key);
      await secrets.forget(id);
      expect(existsSync(keyFile)).toBe(false);
      expect(await secrets.load(id)).toBeNull();
    });
  },
);

test('describe says "file" where nothing answers', async () => {
  expect((await room('absent').secrets.describe()).kind).toBe('file');
  expect((await room('no-service').secrets.describe()).kind).toBe('file');
});

test('a key file opened up to others is narrowed when it is read', async () => {
  const { secrets, keyFile } = room('absent');
  await secrets.store(id, key);
  chmodSync(keyFile, 0o644);
  expect(await secrets.load(id)).toEqual(key);
  expect(statSync(keyFile).mode & 0o777).toBe(0o600);
});
