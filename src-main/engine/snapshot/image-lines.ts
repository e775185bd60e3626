/**
 * The images of a machine and of its snapshots as lines that change while snapshots are deleted:
 * what each stands on, which one each disk writes to, and what each snapshot froze. A planner
 * deletes here first, one after the other, so that the last of ten is judged by what is left then.
 */
import type { MachineFacts } from '#engine/interlock/facts.ts';

export interface Frozen {
  readonly target: string;
  readonly path: string;
}

export class ImageLines {
  /** By image: the one it stands on. */
  readonly #base = new Map<string, string>();
  /** By target. */
  readonly #active = new Map<string, string>();
  /** By snapshot. */
  readonly #frozen = new Map<string, readonly Frozen[]>();
  /** By snapshot: images that an internal one lies in. */
  readonly #inside = new Map<string, readonly string[]>();

  constructor({ disks, snapshots, bases }: MachineFacts) {
    for (const { image, base } of bases) this.#base.set(image, base);
    for (const { record, frozen } of snapshots) {
      this.#frozen.set(record.name, frozen);
      const inside = record.disks.filter(({ kind }) => kind === 'internal');
      const images = inside.flatMap(({ image }) => image?.source ?? []);
      this.#inside.set(record.name, images);
      for (const { path, overlays } of frozen) {
        for (const overlay of overlays) this.#base.set(overlay, path);
      }
    }
    for (const { target, chain } of disks) {
      const [active] = chain;
      if (active !== undefined) this.#active.set(target, active.path);
      // What the machine's own chain says wins over what records say.
      for (const [index, { path }] of chain.entries()) {
        const below = chain[index + 1];
        if (below !== undefined) this.#base.set(path, below.path);
      }
    }
  }

  /** Names of the snapshots that are left. */
  get snapshots(): readonly string[] {
    return [...this.#frozen.keys()];
  }

  frozenBy(snapshot: string): readonly Frozen[] {
    return this.#frozen.get(snapshot) ?? [];
  }

  /** Images that its moment needs, not counting those below them. */
  imagesOf(snapshot: string): readonly string[] {
    const frozen = this.frozenBy(snapshot).map(({ path }) => path);
    return [...frozen, ...(this.#inside.get(snapshot) ?? [])];
  }

  active(target: string): string | null {
    return this.#active.get(target) ?? null;
  }

  baseOf(image: string): string | null {
    return this.#base.get(image) ?? null;
  }

  /** The image and everything below it, topmost first. */
  line(image: string): readonly string[] {
    const line: string[] = [];
    for (let next: string | null = image; next !== null && !line.includes(next);) {
      line.push(next);
      next = this.baseOf(next);
    }
    return line;
  }

  /** Whether the disk stands on the image, or writes to it. */
  carries(target: string, image: string): boolean {
    const active = this.active(target);
    return active !== null && this.line(active).includes(image);
  }

  /** Images directly on top that a disk or a snapshot that is left still needs. */
  neededOn(image: string): readonly string[] {
    const needed = this.#needed();
    return this.#on(image).filter((overlay) => needed.has(overlay));
  }

  /** Images directly on top that nothing needs any more. */
  spareOn(image: string): readonly string[] {
    const needed = this.#needed();
    return this.#on(image).filter((overlay) => !needed.has(overlay));
  }

  isNeeded(image: string): boolean {
    return this.#needed().has(image);
  }

  /** The snapshot is gone and its images with it, where nothing needs them. */
  drop(snapshot: string): void {
    this.#frozen.delete(snapshot);
  }

  /** The snapshot is gone, and `overlay` went into `image`, which takes its place. */
  merge(snapshot: string, overlay: string, image: string): void {
    this.#frozen.delete(snapshot);
    this.#base.delete(overlay);
    for (const [above, below] of this.#base) if (below === overlay) this.#base.set(above, image);
    for (const [target, path] of this.#active)
      if (path === overlay) this.#active.set(target, image);
    for (const [name, frozen] of this.#frozen) {
      this.#frozen.set(
        name,
        frozen.map((one) => (one.path === overlay ? { ...one, path: image } : one)),
      );
    }
  }

  #on(image: string): readonly string[] {
    return [...this.#base].filter(([, below]) => below === image).map(([overlay]) => overlay);
  }

  /** Each line is followed only to where another one was, so this is as long as the images are. */
  #needed(): ReadonlySet<string> {
    const needed = new Set<string>();
    const follow = (top: string) => {
      for (let next: string | null = top; next !== null && !needed.has(next);) {
        needed.add(next);
        next = this.baseOf(next);
      }
    };
    for (const top of this.#active.values()) follow(top);
    for (const name of this.snapshots) for (const path of this.imagesOf(name)) follow(path);
    return needed;
  }
}
