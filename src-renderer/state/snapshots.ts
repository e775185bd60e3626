/** Pictures of the screen as it was when a snapshot was taken; asked for once, the newest kept. */
import type { Client } from '#contract/client.ts';
import type { MachineId } from '#contract/domain.ts';
import type { Snapshot } from '#contract/moments.ts';
import type { Picture } from './machines.svelte.ts';

/** More than a screen of rows shows; a picture is some hundred kilobytes. */
const maxRemembered = 60;

export class Snapshots {
  readonly #client: Client;
  readonly #pictures = new Map<string, Promise<Picture | null>>();

  constructor(client: Client) {
    this.#client = client;
  }

  /** Null when none was kept. A failed question is asked again the next time. */
  picture(machine: MachineId, { name, time }: Snapshot): Promise<Picture | null> {
    // A name can be used again after a deletion; the time tells the two apart.
    const key = `${machine} ${time} ${name}`;
    const known = this.#pictures.get(key);
    if (known !== undefined) {
      this.#pictures.delete(key);
      this.#pictures.set(key, known);
      return known;
    }
    const asked = this.#client.call('snapshots.picture', { machine, name });
    asked.catch(() => this.#pictures.delete(key));
    this.#pictures.set(key, asked);
    const oldest = this.#pictures.keys().next();
    if (this.#pictures.size > maxRemembered && oldest.done !== true) {
      this.#pictures.delete(oldest.value);
    }
    return asked;
  }
}
