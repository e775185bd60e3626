/**
 * Short messages that float. They are never the only record (ux.md A8), stay at least 10 s when
 * they offer something, and wait while the pointer or the focus is on them or a dialog over them.
 */

export type ToastTone = 'plain' | 'good' | 'warn' | 'bad';

/** What toasts wait for: a pointer or the focus on them, a dialog over them. */
type Holder = 'reader' | 'dialog';

interface ToastAction {
  readonly label: string;
  readonly run: () => void;
  /** It takes back what the toast tells of: Ctrl+Z presses it. */
  readonly undoes?: true;
}

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly tone: ToastTone;
  readonly action: ToastAction | null;
}

const secondsPlain = 6;
const secondsWithAction = 12;
const maxToasts = 4;

export class Toasts {
  #all = $state.raw<readonly Toast[]>([]);
  #lastId = 0;
  readonly #timers = new Map<number, number>();
  readonly #holders = new Set<Holder>();

  get all(): readonly Toast[] {
    return this.#all;
  }

  show(text: string, more: Partial<Pick<Toast, 'tone' | 'action'>> = {}): number {
    this.#lastId += 1;
    const toast: Toast = {
      id: this.#lastId,
      text,
      tone: more.tone ?? 'plain',
      action: more.action ?? null,
    };
    for (const old of this.#all.slice(0, Math.max(0, this.#all.length - maxToasts + 1))) {
      this.dismiss(old.id);
    }
    this.#all = [...this.#all, toast];
    if (this.#holders.size === 0) this.#arm(toast);
    return toast.id;
  }

  dismiss(id: number): void {
    window.clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.#all = this.#all.filter((toast) => toast.id !== id);
  }

  /** Presses the newest offer to undo; nothing when there is none. */
  undo(): void {
    const newest = this.#all.findLast(({ action }) => action?.undoes === true);
    if (newest === undefined) return;
    newest.action?.run();
    this.dismiss(newest.id);
  }

  /** Somebody reads them, or cannot see them: nothing leaves until all have released. */
  hold(holder: Holder): void {
    this.#holders.add(holder);
    for (const timer of this.#timers.values()) window.clearTimeout(timer);
    this.#timers.clear();
  }

  release(holder: Holder): void {
    if (!this.#holders.delete(holder) || this.#holders.size > 0) return;
    for (const toast of this.#all) this.#arm(toast);
  }

  #arm(toast: Toast): void {
    const seconds = toast.action === null ? secondsPlain : secondsWithAction;
    window.clearTimeout(this.#timers.get(toast.id));
    this.#timers.set(
      toast.id,
      window.setTimeout(() => this.dismiss(toast.id), seconds * 1000),
    );
  }
}
