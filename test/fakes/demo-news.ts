/** The pretend engine’s channels of news, its report and who runs plans in the background. */
import type { Handlers } from '#contract/contract.ts';
import type { Background, ChannelTest, Channels } from '#contract/news.ts';
import type { Demo } from './handlers.ts';

type Calls = Extract<keyof Handlers, `channels.${string}` | `background.${string}` | 'report.make'>;

export const demoChannels: Channels = {
  desktop: true,
  command: null,
  mail: { to: 'marek@example.org' },
  webhook: null,
  weeklyReport: null,
};

const unitPath = '/home/marek/.config/systemd/user/waymark.service';
const installed: Background['service'] = {
  kind: 'installed',
  path: unitPath,
  active: true,
  lingering: false,
  words: 'It runs while marek is logged in. It stops at the last logout: lingering is off.',
};

export function demoBackground(now: number): Background {
  return {
    running: 'browser',
    service: { kind: 'not-installed' },
    autostart: { installed: false, path: '/home/marek/.config/autostart/waymark.desktop' },
    lastLook: now - 40_000,
  };
}

function tested(channel: string, channels: Channels): ChannelTest {
  if (channel === 'mail' && channels.mail?.to.startsWith('nobody') === true) {
    return {
      kind: 'failed',
      error: {
        code: 'tool-missing',
        message: 'There is no sendmail on this computer: /usr/sbin/sendmail is missing.',
        data: { advice: 'Install a mail program that brings one, then send the test again.' },
      },
    };
  }
  if (channel === 'webhook' && channels.webhook?.url.includes('nowhere') === true) {
    return {
      kind: 'failed',
      error: {
        code: 'host-unreachable',
        message: 'nowhere did not answer within 10 s.',
        data: { advice: 'Check the address and the network.' },
      },
    };
  }
  return { kind: 'sent' };
}

export function newsHandlers(demo: Demo): Pick<Handlers, Calls> {
  const { state } = demo;
  return {
    'channels.get': async () => state.channels,
    'channels.set': async ({ channels }) => (state.channels = channels),
    'channels.test': async ({ channel, channels }) => {
      if (channel === 'desktop') {
        demo.emit('news', {
          id: demo.newId(),
          kind: 'test',
          title: 'A test from Waymark',
          body: 'This is how news looks.',
          time: demo.now(),
          plan: null,
          machine: null,
        });
      }
      return tested(channel, channels);
    },
    'report.make': async () => ({
      html:
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Waymark report</title>' +
        `<h1>${state.machines.length} machines</h1></html>`,
      name: 'waymark-report.html',
    }),
    'background.get': async () => state.background,
    'background.service': async ({ installed: on }) => {
      const service = on ? installed : ({ kind: 'not-installed' } as const);
      state.background = { ...state.background, service };
      return state.background;
    },
    'background.autostart': async ({ installed: on }) => {
      const { path } = state.background.autostart;
      state.background = { ...state.background, autostart: { installed: on, path } };
      return state.background;
    },
  };
}
