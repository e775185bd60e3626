import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AppError } from '#contract/errors.ts';
import { realFiles } from '#engine/world/files.ts';
import type { Processes } from '#engine/world/processes.ts';
import { createSecrets, maxKeyBytes } from '#engine/world/secrets.ts';
import { code } from '../../../fakes/jobs.ts';
import { fakeWorld, temporaryFolder } from '../../../fakes/world.ts';

/** A computer without secret-tool. */
const without: Processes = {
  ...fakeWorld().processes,
  run: () => Promise.reject(new AppError('tool-missing', 'No secret-tool.')),
};

function room() {
  const data = temporaryFolder();
  return { data, secrets: createSecrets(without, realFiles, data) };
}

describe('what is refused', () => {
  test.each(['../x', '', '-rf', 'a/b', 'a b', 'x'.repeat(129), 'ü'])('the id %j', async (id) => {
    const { secrets } = room();
    await expect(secrets.store(id, Buffer.alloc(32))).rejects.toThrow(code('invalid-input'));
    await expect(secrets.load(id)).rejects.toThrow(code('invalid-input'));
    await expect(secrets.forget(id)).rejects.toThrow(code('invalid-input'));
  });

  test('an empty key and one past the limit; one at the limit is kept', async () => {
    const { secrets } = room();
    await expect(secrets.store('r', Buffer.alloc(0))).rejects.toThrow(code('invalid-input'));
    const tooLong = Buffer.alloc(maxKeyBytes + 1, 7);
    await expect(secrets.store('r', tooLong)).rejects.toThrow(code('invalid-input'));
    const longest = Buffer.alloc(maxKeyBytes, 7);
    await secrets.store('r', longest);
    expect(await secrets.load('r')).toEqual(longest);
  });

  test.each([
    ['empty', ''],
    ['not base64', '{"key": 1}'],
    ['far too long', 'A'.repeat(3000)],
  ])('a key file that is %s, with what to do', async (_what, content) => {
    const { secrets, data } = room();
    mkdirSync(join(data, 'keys'));
    writeFileSync(join(data, 'keys', 'r.key'), content);
    await expect(secrets.load('r')).rejects.toThrow(
      code('file-failed', { advice: 'Open the repository with its password once more.' }),
    );
  });

  test('a link in the place of a key file', async () => {
    const { secrets, data } = room();
    mkdirSync(join(data, 'keys'));
    symlinkSync('/etc/hostname', join(data, 'keys', 'r.key'));
    await expect(secrets.load('r')).rejects.toThrow(code('path-invalid'));
  });
});

test('an error of secret-tool that is no missing answer is not swallowed', async () => {
  const broken: Processes = {
    ...without,
    run: () => Promise.reject(new AppError('permission-denied', 'No.')),
  };
  const secrets = createSecrets(broken, realFiles, temporaryFolder());
  await expect(secrets.describe()).rejects.toThrow(code('permission-denied'));
});
