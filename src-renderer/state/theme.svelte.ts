/** System, light or dark (ux.md V1), remembered on this computer. */

export type ThemeChoice = 'system' | 'light' | 'dark';

const storageKey = 'waymark.theme';

function remembered(): ThemeChoice {
  const value = window.localStorage.getItem(storageKey);
  return value === 'light' || value === 'dark' ? value : 'system';
}

export class Theme {
  #choice = $state<ThemeChoice>(remembered());

  constructor() {
    this.#apply();
  }

  get choice(): ThemeChoice {
    return this.#choice;
  }

  set(choice: ThemeChoice): void {
    this.#choice = choice;
    window.localStorage.setItem(storageKey, choice);
    this.#apply();
  }

  #apply(): void {
    const root = document.documentElement;
    if (this.#choice === 'system') delete root.dataset['theme'];
    else root.dataset['theme'] = this.#choice;
  }
}
