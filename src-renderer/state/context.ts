/**
 * All state of the window, one rune class per noun, made from one client and given to every view
 * through one typed context. Each noun reads itself once and is kept fresh by events; when the wire
 * lost events or the engine restarted, everything is read again. No view keeps a copy.
 */
import { createContext } from 'svelte';
import type { Client } from '#contract/client.ts';
import { Actions } from './actions.svelte.ts';
import { Background } from './background.svelte.ts';
import { LiveCheckpoints } from './checkpoints.svelte.ts';
import { Clock } from './clock.svelte.ts';
import { Desktop } from './desktop.ts';
import { History } from './history.svelte.ts';
import { Hosts } from './hosts.svelte.ts';
import { Info } from './info.svelte.ts';
import { Jobs } from './jobs.svelte.ts';
import { Layout } from './layout.svelte.ts';
import { Machines } from './machines.svelte.ts';
import { Navigation } from './navigation.svelte.ts';
import { News } from './news.svelte.ts';
import { OpenPlan } from './open-plan.svelte.ts';
import { Plans } from './plans.svelte.ts';
import { Points } from './points.svelte.ts';
import { Repositories } from './repositories.svelte.ts';
import { Snapshots } from './snapshots.ts';
import { Theme } from './theme.svelte.ts';
import { OpenTimeline } from './timeline.svelte.ts';
import { Toasts } from './toasts.svelte.ts';

export interface App {
  readonly info: Info;
  readonly hosts: Hosts;
  readonly machines: Machines;
  readonly repositories: Repositories;
  readonly points: Points;
  readonly plans: Plans;
  readonly openPlan: OpenPlan;
  readonly news: News;
  readonly background: Background;
  readonly jobs: Jobs;
  readonly history: History;
  readonly timeline: OpenTimeline;
  readonly snapshots: Snapshots;
  readonly checkpoints: LiveCheckpoints;
  readonly actions: Actions;
  readonly navigation: Navigation;
  readonly desktop: Desktop;
  readonly theme: Theme;
  readonly layout: Layout;
  readonly toasts: Toasts;
  readonly clock: Clock;
  /** Reads everything again; never rejects, each noun shows its own trouble. */
  readonly load: () => Promise<void>;
  readonly stop: () => void;
}

/** Makes the state and begins to read. Call it once, before the first component. */
export function createApp(client: Client): App {
  const info = new Info(client);
  const hosts = new Hosts(client);
  const machines = new Machines(client);
  const repositories = new Repositories(client);
  const plans = new Plans(client);
  const openPlan = new OpenPlan(client);
  const jobs = new Jobs(client);
  const history = new History(client);
  const timeline = new OpenTimeline(client);
  const actions = new Actions(client);
  const navigation = new Navigation();
  const checkpoints = new LiveCheckpoints(client);
  const clock = new Clock();
  const load = async (): Promise<void> => {
    const nouns = [info, hosts, machines, repositories, plans, openPlan, jobs, timeline, actions];
    await Promise.all([...nouns.map((noun) => noun.load()), history.reload()]);
  };
  const unsubscribe = client.on('state.reset', () => void load());
  void load();
  return {
    info,
    hosts,
    machines,
    repositories,
    points: new Points(client),
    plans,
    openPlan,
    news: new News(client),
    background: new Background(client),
    jobs,
    history,
    timeline,
    actions,
    snapshots: new Snapshots(client),
    checkpoints,
    navigation,
    desktop: new Desktop(client),
    theme: new Theme(),
    layout: new Layout(),
    toasts: new Toasts(),
    clock,
    load,
    stop: () => {
      unsubscribe();
      navigation.stop();
      checkpoints.close();
      clock.stop();
    },
  };
}

/** `setApp` in App.svelte; `getApp` in any view, while it is being made. */
export const [getApp, setApp] = createContext<App>();
