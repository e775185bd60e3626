import { expect, test } from 'vitest';
import { hostName } from '#engine/handlers/hosts.ts';

test.each([
  ['qemu:///system', 'This computer'],
  ['qemu:///session', 'This user'],
  ['qemu:///session?socket=/run/x', 'This user'],
  ['qemu+ssh://marek@rack/system', 'rack'],
  ['qemu+ssh://rack:22/system', 'rack'],
])('%s is called %s', (uri, name) => {
  expect(hostName(uri)).toBe(name);
});
