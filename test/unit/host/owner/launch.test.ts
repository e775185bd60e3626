import { expect, test } from 'vitest';
import { launchOf, type LaunchFacts } from '../../../../src-main/host/owner/launch.ts';

const data = '/home/me/data';
const background = ['--background', `--data=${data}`];
const tree = '/home/me/waymark';
const sources = `${tree}/src-main/host/owner/launch.ts`;

function facts(change: Partial<LaunchFacts>, ...there: readonly string[]): LaunchFacts {
  return {
    program: '/usr/bin/node',
    electron: false,
    resources: null,
    here: sources,
    exists: (path) => [`${tree}/package.json`, ...there].includes(path),
    ...change,
  };
}

const electron = `${tree}/node_modules/electron/dist/electron`;
const main = `${tree}/dist/main/main.js`;

test('from the sources, where there is no desktop application', () => {
  expect(launchOf(facts({}), data)).toEqual({
    command: ['/usr/bin/node', `${tree}/src-main/host/node/main.ts`],
    desktop: null,
  });
});

test('from the sources, with an Electron beside them', () => {
  expect(launchOf(facts({}, electron, main), data)).toEqual({
    command: ['/usr/bin/node', `${tree}/src-main/host/node/main.ts`],
    desktop: [electron, main, ...background],
  });
});

test('from a bundle', () => {
  const here = `${tree}/dist/node/chunks/engine.js`;
  const entry = `${tree}/dist/node/main.js`;
  expect(launchOf(facts({ here }, entry), data).command).toEqual(['/usr/bin/node', entry]);
});

test('in the tree’s Electron the command runs in the tree’s Node, or in Electron as Node', () => {
  const change = { program: electron, electron: true, resources: `${tree}/x`, here: main };
  const entry = `${tree}/dist/node/main.js`;
  const own = `${tree}/node_modules/.bin/node`;
  expect(launchOf(facts(change, entry, own), data).command).toEqual([own, entry]);
  expect(launchOf(facts(change, entry), data).command).toEqual([
    ...['/usr/bin/env', 'ELECTRON_RUN_AS_NODE=1'],
    ...[electron, entry],
  ]);
});

test('installed, the command is the one beside the application', () => {
  const resources = '/opt/Waymark/resources';
  const here = `${resources}/app.asar/dist/main/main.js`;
  const change = { program: '/opt/Waymark/waymark-desktop', electron: true, resources, here };
  expect(launchOf(facts(change, `${resources}/waymark`), data)).toEqual({
    command: [`${resources}/waymark`],
    desktop: ['/opt/Waymark/waymark-desktop', ...background],
  });
});
