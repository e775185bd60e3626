import { expect, test } from 'vitest';
import { sharedFolder } from '../../../../../src-renderer/views/machine/image-paths.ts';

test('a folder is named once only when all images are in it', () => {
  expect(sharedFolder(['/srv/vm/a.qcow2', '/srv/vm/b.qcow2'])).toBe('/srv/vm/');
  expect(sharedFolder(['/srv/vm/a.qcow2', '/srv/other/b.qcow2'])).toBe('');
  expect(sharedFolder(['/srv/vm/a.qcow2', null])).toBe('');
  expect(sharedFolder(['pool/volume'])).toBe('pool/');
  expect(sharedFolder([])).toBe('');
});
