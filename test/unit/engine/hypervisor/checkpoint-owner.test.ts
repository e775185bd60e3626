import { expect, test } from 'vitest';
import {
  checkpointOwner,
  describeOwner,
  handMadePrefix,
} from '#engine/hypervisor/checkpoint-owner.ts';

const name = 'waymark-01m83p3hzq8w3v0d9k4c5e6f7g';

test.each([
  ['of a backup', { installation: 'inst-1', repository: 'repo-1' }],
  ['asked for by a person', { installation: 'inst-1', repository: null }],
])('a checkpoint %s says whose it is', (_what, owner) => {
  expect(checkpointOwner({ name, description: describeOwner(owner) })).toEqual(owner);
});

test.each([
  ['no description', name, ''],
  ['another name', 'nightly', describeOwner({ installation: 'inst-1', repository: null })],
  ['half a description', name, 'waymark installation=inst-1'],
  ['more than ours', name, 'waymark installation=inst-1 by hand, really'],
  ['two lines', name, 'waymark installation=inst-1 by hand\nmore'],
])('%s is another program’s', (_what, named, description) => {
  expect(checkpointOwner({ name: named, description })).toBeNull();
});

test('no point’s checkpoint can have the name of one made by hand', () => {
  const crockford = /^[0-9a-hjkmnp-tv-z]{26}$/;
  expect(crockford.test(handMadePrefix.slice('waymark-'.length).padEnd(26, '0'))).toBe(false);
});
