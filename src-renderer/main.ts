/** Chooses the wire, makes client and state, mounts the window. */
import { mount } from 'svelte';
import './styles/tokens.css';
import './styles/base.css';
import './styles/controls.css';
import './styles/marks.css';
import './styles/boxes.css';
import './styles/frame.css';
import './styles/wizard.css';
import './styles/contrast.css';
import { createClient } from '#contract/client.ts';
import App from './App.svelte';
import NoLink from './NoLink.svelte';
import { createApp } from './state/context.ts';
import type { Connection } from './transport/connection.ts';
import { electronConnection, type Bridge } from './transport/electron.ts';
import { loopbackConnection, takeToken } from './transport/loopback.ts';

declare global {
  interface Window {
    /** Only in the desktop application. */
    readonly bridge?: Bridge;
  }
}

function connect(): Connection | null {
  if (window.bridge !== undefined) return electronConnection(window.bridge);
  const token = takeToken(window);
  return token === null ? null : loopbackConnection(token);
}

const target = document.querySelector('#app');
if (target === null) throw new Error('The page has no #app.');
const connection = connect();
if (connection === null) {
  mount(NoLink, { target });
} else {
  const client = createClient(connection);
  mount(App, { target, props: { app: createApp(client), connection } });
}
