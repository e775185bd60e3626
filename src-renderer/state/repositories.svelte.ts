/** The repositories, as the engine last said. Passwords pass through and are not kept. */
import type { Client } from '#contract/client.ts';
import type { Input, Output } from '#contract/contract.ts';
import type { JobId, Repository, RepositoryId } from '#contract/domain.ts';
import type { CleanUpPlan } from '#contract/plans.ts';
import type { AppError } from '#contract/errors.ts';
import { Loading } from './loading.svelte.ts';

export class Repositories {
  readonly #client: Client;
  readonly #list = new Loading<readonly Repository[]>([]);

  constructor(client: Client) {
    this.#client = client;
    client.on('repositories.changed', (repositories) => this.#list.set(repositories));
  }

  get all(): readonly Repository[] {
    return this.#list.value;
  }

  get loaded(): boolean {
    return this.#list.loaded;
  }

  get problem(): AppError | null {
    return this.#list.problem;
  }

  byId(id: RepositoryId): Repository | null {
    return this.all.find((repository) => repository.id === id) ?? null;
  }

  load(): Promise<void> {
    return this.#list.read(() => this.#client.call('repositories.list', {}));
  }

  /** The recovery code is in this answer and nowhere else. */
  create(choice: Input<'repositories.create'>): Promise<Output<'repositories.create'>> {
    return this.#client.call('repositories.create', choice);
  }

  add(choice: Input<'repositories.add'>): Promise<Repository> {
    return this.#client.call('repositories.add', choice);
  }

  unlock(repository: RepositoryId, password: string, remember: boolean): Promise<Repository> {
    return this.#client.call('repositories.unlock', { repository, password, remember });
  }

  /** Forgets it here; its folder is not touched. */
  async remove(repository: RepositoryId): Promise<void> {
    await this.#client.call('repositories.remove', { repository });
  }

  async changePassword(id: RepositoryId, password: string, newPassword: string): Promise<void> {
    await this.#client.call('repositories.password', { repository: id, password, newPassword });
  }

  confirmRecovery(repository: RepositoryId): Promise<Repository> {
    return this.#client.call('repositories.confirm-recovery', { repository });
  }

  verify(repository: RepositoryId, readData: boolean): Promise<JobId> {
    return this.#client.call('repositories.verify', { repository, readData });
  }

  /** What a clean-up would free now; changes nothing. */
  planCleanUp(repository: RepositoryId): Promise<CleanUpPlan> {
    return this.#client.call('repositories.plan-clean-up', { repository });
  }

  /** Frees the space of points removed longer ago than the grace period. */
  cleanUp(repository: RepositoryId): Promise<JobId> {
    return this.#client.call('repositories.clean-up', { repository });
  }

  rebuild(repository: RepositoryId): Promise<JobId> {
    return this.#client.call('repositories.rebuild', { repository });
  }
}
