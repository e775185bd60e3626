/** The unit we write, read by systemd itself: every odd path arrives as the one it was. */
import { execFile } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { unitText } from '#engine/background/unit-file.ts';
import { temporaryFolder } from '../fakes/world.ts';

const tool = '/usr/bin/systemd-analyze';
const missing = !existsSync(tool);
const reason = 'systemd-analyze is not installed';

/** What systemd complains of; it looks whether the program can be run. */
async function complaints(unit: string, runtime: string): Promise<string> {
  return new Promise((resolve) => {
    const env = { PATH: '/usr/bin:/bin', XDG_RUNTIME_DIR: runtime };
    execFile(tool, ['verify', '--user', '--man=no', unit], { env }, (_error, out, err) => {
      resolve(out + err);
    });
  });
}

test.for(['plain', 'my programs', '50%', 'a$HOME', 'é 🐢'])(
  'a program in a folder called %j',
  async (name, context) => {
    if (missing) context.skip(reason);
    const folder = temporaryFolder();
    const program = join(folder, name, 'waymark');
    mkdirSync(join(folder, name));
    copyFileSync('/bin/true', program);
    chmodSync(program, 0o700);
    const unit = join(folder, 'waymark.service');
    writeFileSync(unit, unitText([program], join(folder, 'data "x" $y %z')));
    expect(await complaints(unit, folder)).toBe('');
    writeFileSync(unit, unitText([`${program}-not-there`], folder));
    expect(await complaints(unit, folder)).toContain('is not executable');
  },
);

test.for(['a"b', 'back\\slash', 'line\nbreak'])(
  'a folder called %j, which systemd takes for no program of its own',
  async (name, context) => {
    if (missing) context.skip(reason);
    const folder = temporaryFolder();
    const unit = join(folder, 'waymark.service');
    writeFileSync(unit, unitText([join(folder, name, 'waymark')], folder));
    expect(await complaints(unit, folder)).toBe('');
  },
);
