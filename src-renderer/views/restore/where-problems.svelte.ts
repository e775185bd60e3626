/**
 * What is wrong with the answers of the Where step. Names are judged here; a folder or a file is
 * looked at by the engine, so the step is left only when it answered.
 */
import type { FolderCheck } from '#contract/app.ts';
import type { App } from '../../state/context.ts';
import { t } from '../../text/catalogue.ts';
import { bytesText } from '../../text/numbers.ts';
import { folderOf, maxNameCharacters, nameProblem } from './names.ts';
import type { RestoreChoices } from './restore-choices.svelte.ts';

export class WhereProblems {
  readonly #app: App;
  readonly #choices: RestoreChoices;
  #tried = $state(false);
  #place = $state<string | null>(null);
  #placeGood = $state<string | null>(null);
  /** The path the answer above is about. */
  #checked = $state<string | null>(null);

  constructor(app: App, choices: RestoreChoices) {
    this.#app = app;
    this.#choices = choices;
  }

  /** Of the new machine's name; only after somebody tried to go on, or when it is taken. */
  get name(): string | null {
    const choices = this.#choices;
    if (choices.where !== 'new') return null;
    const problem = nameProblem(choices.name, choices.takenNames);
    if (problem === 'taken') return t('restore.where.name-taken', { host: choices.hostName });
    if (problem === null || !this.#tried) return null;
    if (problem === 'long') return t('restore.where.name-long', { count: maxNameCharacters });
    return t(`restore.where.name-${problem}`);
  }

  get host(): string | null {
    const missing = this.#choices.where === 'new' && this.#choices.host === null;
    return missing && this.#tried ? t('restore.where.host-need') : null;
  }

  /** Of the folder or the image file, as it was when it was last looked at. */
  get place(): string | null {
    return this.#checked === this.#path ? this.#place : null;
  }

  get placeGood(): string | null {
    return this.#checked === this.#path && this.#place === null ? this.#placeGood : null;
  }

  get #path(): string {
    const choices = this.#choices;
    return (choices.where === 'new' ? choices.folder : choices.path).trim();
  }

  get #single(): boolean {
    return this.#choices.where === 'images' && this.#choices.disks.length === 1;
  }

  get #needBytes(): number {
    return this.#choices.disks.reduce((sum, disk) => sum + disk.sizeBytes, 0);
  }

  /** Looks at the folder or file now; called when its field is left and before the step is. */
  async checkPlace(): Promise<void> {
    const path = this.#path;
    this.#placeGood = null;
    if (path === '') {
      this.#checked = path;
      const needed = this.#choices.where === 'images' && this.#tried;
      this.#place = needed ? t('restore.where.path-need') : null;
      return;
    }
    if (!path.startsWith('/')) {
      this.#checked = path;
      this.#place = t('restore.where.folder-path');
      return;
    }
    const seen = await this.#app.info.checkFolder(path);
    const parent = this.#single ? await this.#app.info.checkFolder(folderOf(path)) : seen;
    if (path !== this.#path) return; // typed on meanwhile
    this.#checked = path;
    this.#place = this.#single ? fileProblem(seen, parent) : folderProblem(seen);
    if (this.#place !== null) return;
    const free = parent.freeBytes;
    if (free === null) return;
    const values = { need: bytesText(this.#needBytes), free: bytesText(free) };
    this.#placeGood = t(
      !this.#single && !seen.exists ? 'restore.where.folder-new' : 'restore.where.folder-free',
      values,
    );
  }

  /** True when the step may be left. */
  async check(): Promise<boolean> {
    this.#tried = true;
    await this.checkPlace();
    return this.name === null && this.host === null && this.place === null;
  }
}

function folderProblem(folder: FolderCheck): string | null {
  if (folder.exists && !folder.isFolder) return t('restore.where.folder-not-folder');
  if (!folder.writable) return t('restore.where.folder-not-writable');
  return null;
}

function fileProblem(file: FolderCheck, parent: FolderCheck): string | null {
  if (file.exists) {
    return t(file.isFolder ? 'restore.where.path-folder' : 'restore.where.path-exists');
  }
  if (!parent.exists || !parent.isFolder) return t('restore.where.path-no-folder');
  if (!parent.writable) return t('restore.where.folder-not-writable');
  return null;
}
