/** What only the window's own computer can do: its file dialogs, its file manager, its browser. */
import type { Client } from '#contract/client.ts';
import type { LinkKey, Picked } from '#contract/contract.ts';

export class Desktop {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** `unsupported` where this way in has no file dialog: the path is typed then. */
  pickFolder(title: string, start: string | null): Promise<Picked> {
    return this.#client.call('desktop.pick-folder', { title, start });
  }

  /** Where a new file goes, or which one to read; nothing is created. */
  pickFile(title: string, start: string | null, purpose: 'open' | 'save'): Promise<Picked> {
    return this.#client.call('desktop.pick-file', { title, start, purpose });
  }

  /** False where there is no file manager to show it in. */
  async reveal(path: string): Promise<boolean> {
    return (await this.#client.call('desktop.reveal', { path })).kind === 'done';
  }

  /** False where no browser can be opened. */
  async openLink(link: LinkKey): Promise<boolean> {
    return (await this.#client.call('desktop.open-link', { link })).kind === 'done';
  }
}
