import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createAutostart } from '#engine/background/autostart.ts';
import { realFiles } from '#engine/world/files.ts';
import { temporaryFolder } from '../../../fakes/world.ts';

test('it is written, read back, switched off by a desktop, and removed', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'autostart/waymark.desktop');
  const autostart = createAutostart(realFiles, folder, ['/opt/Waymark/waymark-desktop', '--b']);
  expect(await autostart.state()).toEqual({ installed: false, path });
  await autostart.remove();
  await autostart.install();
  expect(await autostart.state()).toEqual({ installed: true, path });
  const text = readFileSync(path, 'utf8');
  expect(text).toContain('Exec=/opt/Waymark/waymark-desktop --b\n');
  writeFileSync(path, text.replace('enabled=true', 'enabled=false'));
  expect(await autostart.state()).toEqual({ installed: false, path });
  await autostart.install();
  expect(await autostart.state()).toEqual({ installed: true, path });
  await autostart.remove();
  expect(await autostart.state()).toEqual({ installed: false, path });
});
