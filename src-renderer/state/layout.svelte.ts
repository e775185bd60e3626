/** How a person wants things shown, remembered on this computer. */
const views = ['timeline', 'tree', 'list'] as const;
export type MachineView = (typeof views)[number];

const viewKey = 'waymark.machine-view';
const dismissedKey = 'waymark.dismissed';
/** Messages put away; older ones are of jobs that no page shows any more. */
const maxDismissed = 100;

function rememberedView(): MachineView {
  const value = window.localStorage.getItem(viewKey);
  return views.find((view) => view === value) ?? 'timeline';
}

function rememberedDismissed(): readonly string[] {
  return (window.localStorage.getItem(dismissedKey) ?? '').split('\n').filter((id) => id !== '');
}

export class Layout {
  #machineView = $state<MachineView>(rememberedView());
  #dismissed = $state.raw<readonly string[]>(rememberedDismissed());

  /** Which of its three forms the machine page shows points in (ux.md T2). */
  get machineView(): MachineView {
    return this.#machineView;
  }

  showMachineAs(view: MachineView): void {
    this.#machineView = view;
    window.localStorage.setItem(viewKey, view);
  }

  /** True when a person has put a message away: what a job left to say, or something like it. */
  isDismissed(key: string): boolean {
    return this.#dismissed.includes(key);
  }

  dismiss(key: string): void {
    this.#dismissed = [...this.#dismissed, key].slice(-maxDismissed);
    window.localStorage.setItem(dismissedKey, this.#dismissed.join('\n'));
  }
}
