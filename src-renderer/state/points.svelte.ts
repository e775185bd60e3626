/** Restore points, asked for one need at a time: a list grows too long to hold all of it here. */
import type { Client } from '#contract/client.ts';
import type { Input } from '#contract/contract.ts';
import type { RemovedPoint } from '#contract/plans.ts';
import type { JobId, Point, PointId, RepositoryId, RestorePlan } from '#contract/domain.ts';

export class Points {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Newest first. Null asks for every machine, or every repository. */
  async list(of: {
    readonly machineUuid: string | null;
    readonly repository: RepositoryId | null;
  }): Promise<readonly Point[]> {
    const points = await this.#client.call('points.list', of);
    return [...points].sort((a, b) => b.time - a.time);
  }

  get(point: PointId): Promise<Point> {
    return this.#client.call('points.get', { point });
  }

  verify(point: PointId): Promise<JobId> {
    return this.#client.call('points.verify', { point });
  }

  /** `last` must be true when no other point of the machine would be left. */
  delete(points: readonly PointId[], last: boolean): Promise<JobId> {
    return this.#client.call('points.delete', { points: [...points], last });
  }

  /** A pinned point is removed by no rule. */
  pin(point: PointId, pinned: boolean): Promise<Point> {
    return this.#client.call('points.pin', { point, pinned });
  }

  /** Those that were removed and can be taken back until the clean-up; newest removal first. */
  async removed(repository: RepositoryId | null): Promise<readonly RemovedPoint[]> {
    const points = await this.#client.call('points.removed', { repository });
    return [...points].sort((a, b) => b.removedAt - a.removedAt || b.time - a.time);
  }

  async takeBack(points: readonly PointId[]): Promise<void> {
    await this.#client.call('points.take-back', { points: [...points] });
  }

  planRestore(choice: Input<'restore.plan'>): Promise<RestorePlan> {
    return this.#client.call('restore.plan', choice);
  }

  startRestore(choice: Input<'restore.start'>): Promise<JobId> {
    return this.#client.call('restore.start', choice);
  }
}
