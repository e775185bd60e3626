/**
 * The repositories that were added here: opening them with a remembered key or a password, and
 * keeping the catalog's list of points equal to what they hold. Does not read or write disks.
 */
import { join } from 'node:path';
import type { Emit } from '#contract/contract.ts';
import type { KeyStorage, Repository, RepositoryId, RepositoryState } from '#contract/domain.ts';
import { AppError, hasCode, toWireError } from '#contract/errors.ts';
import type { Catalog } from '#engine/catalog/catalog.ts';
import type { RepositoryRecord } from '#engine/catalog/repositories.ts';
import {
  createRepository,
  inspectRepository,
  openRepository,
  type OpenOptions,
  type RepositorySecret,
  type StoreRepository,
} from '#engine/store/repository.ts';
import type { Secrets } from '#engine/world/secrets.ts';
import type { World } from '#engine/world/world.ts';
import { readPoints } from './point-view.ts';

export interface RepositoriesOptions {
  readonly world: World;
  readonly catalog: Catalog;
  readonly secrets: Secrets;
  readonly emit: Emit;
  readonly indexFolder: string;
  readonly workerUrl?: URL;
  /** Called when the points of machines changed. */
  readonly onPoints: (machineUuids: readonly string[]) => void;
}

export interface NewRepository {
  readonly name: string;
  readonly path: string;
  readonly password: string | null;
  readonly remember: boolean;
  readonly practice: boolean;
  readonly blockSizeBytes?: number;
}

export interface RepositoryShelf {
  list(): readonly Repository[];
  get(id: RepositoryId): Repository;
  create(wanted: NewRepository): Promise<{ repository: Repository; recoveryCode: string | null }>;
  add(wanted: NewRepository): Promise<Repository>;
  unlock(id: RepositoryId, password: string, remember: boolean): Promise<Repository>;
  remove(id: RepositoryId): Promise<void>;
  changePassword(id: RepositoryId, password: string, next: string): Promise<void>;
  confirmRecovery(id: RepositoryId): Repository;
  /** The open repository; throws `repository-locked` or why it cannot be opened. */
  open(id: RepositoryId): Promise<StoreRepository>;
  /**
   * Like `open`, and looks whether its folder is still there: one that went away is closed, so that
   * it can be opened anew when it is back, on another mount of the same disk.
   */
  reach(id: RepositoryId): Promise<StoreRepository>;
  /** Makes the catalog's points those of the repository; returns how many there are. */
  sync(id: RepositoryId): Promise<number>;
  /** Measures the space used again and tells the screens. */
  refresh(id: RepositoryId): Promise<void>;
  /** Tries to open every repository that needs no question. */
  start(): void;
  settled(): Promise<void>;
  stop(): Promise<void>;
}

interface Shelved {
  store: StoreRepository | null;
  opening: Promise<StoreRepository> | null;
  state: RepositoryState;
  usedBytes: number;
  freeBytes: number | null;
  /** The last sync that was asked for, to be waited for by the next; never rejects. */
  synced: Promise<unknown>;
}

export function createShelf(options: RepositoriesOptions): RepositoryShelf {
  return new Shelf(options);
}

class Shelf implements RepositoryShelf {
  readonly #options: RepositoriesOptions;
  readonly #catalog: Catalog;
  readonly #shelved = new Map<RepositoryId, Shelved>();
  #firstTries: Promise<unknown> = Promise.resolve();

  constructor(options: RepositoriesOptions) {
    this.#options = options;
    this.#catalog = options.catalog;
  }

  list(): readonly Repository[] {
    return this.#catalog.repositories.list().map((row) => this.#view(row));
  }

  get(id: RepositoryId): Repository {
    return this.#view(this.#record(id));
  }

  async create(
    wanted: NewRepository,
  ): Promise<{ repository: Repository; recoveryCode: string | null }> {
    this.#refuseName(wanted.name);
    const { world, workerUrl } = this.#options;
    const made = await createRepository(world, wanted.path, {
      password: wanted.password,
      ...(wanted.blockSizeBytes === undefined ? {} : { blockSizeBytes: wanted.blockSizeBytes }),
      ...(workerUrl === undefined ? {} : { workerUrl }),
    });
    // Opened again so that its index lies in the data folder from the first block on.
    const { id } = made.repository;
    const key = made.repository.masterKey();
    await made.repository.close();
    const secret = key === null ? null : { masterKey: key };
    const store = await openRepository(world, wanted.path, secret, this.#openOptions(id));
    const recovery = store.encrypted ? 'pending' : 'not-needed';
    const repository = await this.#insert(store, wanted, recovery);
    return { repository, recoveryCode: made.recoveryCode };
  }

  async add(wanted: NewRepository): Promise<Repository> {
    this.#refuseName(wanted.name);
    const { world } = this.#options;
    const { id, encrypted } = await inspectRepository(world, wanted.path);
    if (encrypted && wanted.password === null) {
      throw new AppError('repository-locked', `The repository at ${wanted.path} is encrypted.`, {
        path: wanted.path,
        advice: 'Give its password or recovery code.',
      });
    }
    const secret = encrypted ? { password: wanted.password ?? '' } : null;
    const store = await openRepository(world, wanted.path, secret, this.#openOptions(id));
    return this.#insert(store, wanted, encrypted ? 'confirmed' : 'not-needed');
  }

  async unlock(id: RepositoryId, password: string, remember: boolean): Promise<Repository> {
    const entry = this.#entry(id);
    const store = await this.#openWith(id, { password });
    if (remember) {
      this.#catalog.repositories.setKeyStorage(id, await this.#remember(store, true));
    }
    if (entry.store === null) await this.#put(id, store);
    else await store.close();
    this.#tell();
    return this.get(id);
  }

  async remove(id: RepositoryId): Promise<void> {
    const { secrets, world, onPoints } = this.#options;
    this.#record(id);
    await this.#shelved.get(id)?.store?.close();
    this.#shelved.delete(id);
    const points = this.#catalog.points.listPoints({ repository: id });
    await secrets.forget(id);
    this.#catalog.repositories.remove(id);
    for (const end of ['', '-wal', '-shm']) await world.files.remove(this.#indexPath(id) + end);
    this.#tell();
    onPoints([...new Set(points.map(({ machine }) => machine.uuid))]);
  }

  async changePassword(id: RepositoryId, password: string, next: string): Promise<void> {
    const store = await this.open(id).catch(async (thrown: unknown) => {
      if (!hasCode(thrown, 'repository-locked')) throw thrown;
      const unlocked = await this.#openWith(id, { password });
      await this.#put(id, unlocked);
      return unlocked;
    });
    await store.changePassword(password, next);
  }

  confirmRecovery(id: RepositoryId): Repository {
    this.#record(id);
    this.#catalog.repositories.setRecovery(id, 'confirmed');
    this.#tell();
    return this.get(id);
  }

  open(id: RepositoryId): Promise<StoreRepository> {
    const entry = this.#entry(id);
    if (entry.store !== null) return Promise.resolve(entry.store);
    entry.opening ??= this.#openRemembered(id).finally(() => {
      entry.opening = null;
    });
    return entry.opening;
  }

  async reach(id: RepositoryId): Promise<StoreRepository> {
    const entry = this.#entry(id);
    const { store } = entry;
    if (store === null) return this.open(id);
    try {
      await store.check();
      return store;
    } catch (thrown) {
      if (!hasCode(thrown, 'repository-unavailable')) throw thrown;
      if (entry.store === store) {
        entry.store = null;
        entry.state = { kind: 'unavailable', error: thrown.toJSON() };
        await store.close();
        this.#tell();
      }
      return this.open(id);
    }
  }

  async sync(id: RepositoryId): Promise<number> {
    // Opening syncs too, so the store is opened before the turn is waited for, never within it.
    const store = await this.open(id);
    const entry = this.#entry(id);
    const sync = entry.synced.then(() => this.#syncNow(id, store));
    entry.synced = sync.catch(() => undefined);
    return sync;
  }

  /** One at a time: of two, the one that ends last would put an older list in place of a newer. */
  async #syncNow(id: RepositoryId, store: StoreRepository): Promise<number> {
    const { world, onPoints } = this.#options;
    const { name } = this.#record(id);
    const before = this.#catalog.points.idsOf(id);
    const found = await readPoints(world, store, { id, name }, this.#catalog);
    this.#catalog.points.replaceAllOf(id, found, before);
    await this.#measure(id);
    this.#tell();
    onPoints([...new Set(found.map(({ machine }) => machine.uuid))]);
    return found.length;
  }

  async refresh(id: RepositoryId): Promise<void> {
    await this.#measure(id);
    this.#tell();
  }

  start(): void {
    const ids = this.#catalog.repositories.list().map(({ id }) => id);
    this.#firstTries = Promise.allSettled(ids.map((id) => this.open(id)));
  }

  async settled(): Promise<void> {
    await this.#firstTries;
  }

  async stop(): Promise<void> {
    await this.#firstTries;
    for (const { store } of this.#shelved.values()) await store?.close();
    this.#shelved.clear();
  }

  #record(id: RepositoryId): RepositoryRecord {
    const found = this.#catalog.repositories.get(id);
    if (found !== null) return found;
    throw new AppError('repository-not-found', 'There is no such repository here.', {
      advice: 'List the repositories, or add it by its folder.',
    });
  }

  #entry(id: RepositoryId): Shelved {
    const known = this.#shelved.get(id);
    if (known !== undefined) return known;
    const fresh: Shelved = {
      store: null,
      opening: null,
      state: { kind: 'locked' },
      usedBytes: 0,
      freeBytes: null,
      synced: Promise.resolve(),
    };
    this.#shelved.set(id, fresh);
    return fresh;
  }

  #view(row: RepositoryRecord): Repository {
    const { state, usedBytes, freeBytes } = this.#entry(row.id);
    return { ...row, ...this.#catalog.points.ofRepository(row.id), state, usedBytes, freeBytes };
  }

  #tell(): void {
    this.#options.emit('repositories.changed', this.list());
  }

  #indexPath(id: string): string {
    return join(this.#options.indexFolder, `${id}.db`);
  }

  #openOptions(id: string): OpenOptions {
    const { workerUrl } = this.#options;
    return { indexPath: this.#indexPath(id), ...(workerUrl === undefined ? {} : { workerUrl }) };
  }

  async #measure(id: RepositoryId): Promise<void> {
    const entry = this.#entry(id);
    if (entry.store === null) return;
    entry.usedBytes = (await entry.store.usage()).usedBytes;
    const { path } = this.#record(id);
    entry.freeBytes = await this.#options.world.files.freeBytes(path).catch(() => null);
  }

  /** Puts an opened repository on the shelf and reads what it holds. */
  async #put(id: RepositoryId, store: StoreRepository): Promise<void> {
    const entry = this.#entry(id);
    entry.store = store;
    entry.state = { kind: 'ready' };
    await this.sync(id);
  }

  async #openWith(id: RepositoryId, secret: RepositorySecret | null): Promise<StoreRepository> {
    const { path, name } = this.#record(id);
    const { world } = this.#options;
    const store = await openRepository(world, path, secret, this.#openOptions(id));
    if (store.id === id) return store;
    await store.close();
    throw new AppError('repository-unavailable', `Another repository is at ${path} now.`, {
      path,
      unharmed: 'Nothing was written to it.',
      advice: `Bring ${name} back to that folder, or remove it here and add it where it is.`,
    });
  }

  async #openRemembered(id: RepositoryId): Promise<StoreRepository> {
    const { name, encrypted } = this.#record(id);
    const { secrets, world } = this.#options;
    const entry = this.#entry(id);
    try {
      const masterKey = encrypted ? await secrets.load(id) : null;
      if (encrypted && masterKey === null) throw locked(name);
      const store = await this.#openWith(id, masterKey === null ? null : { masterKey });
      await this.#put(id, store);
      return store;
    } catch (thrown) {
      if (hasCode(thrown, 'repository-locked')) {
        entry.state = { kind: 'locked' };
      } else {
        const error = toWireError(thrown, world.log.error(`Opening ${name} failed`, thrown));
        entry.state = { kind: 'unavailable', error };
      }
      this.#tell();
      throw thrown;
    }
  }

  async #remember(store: StoreRepository, wanted: boolean): Promise<KeyStorage> {
    const key = store.masterKey();
    if (key === null) return 'not-needed';
    if (!wanted) return 'asked-every-time';
    const { kind } = await this.#options.secrets.describe();
    await this.#options.secrets.store(store.id, key);
    return kind;
  }

  #refuseName(name: string): void {
    if (this.#catalog.repositories.byName(name) === null) return;
    throw new AppError('name-taken', `A repository is already called ${name}.`, {
      advice: 'Choose another name.',
    });
  }

  async #insert(
    store: StoreRepository,
    wanted: NewRepository,
    recovery: Repository['recovery'],
  ): Promise<Repository> {
    const id = store.id as RepositoryId;
    try {
      this.#catalog.repositories.insert({
        id,
        name: wanted.name,
        path: wanted.path,
        encrypted: store.encrypted,
        blockSizeBytes: store.blockSizeBytes,
        keyStorage: await this.#remember(store, wanted.remember),
        practice: wanted.practice,
        recovery,
        lastVerified: null,
      });
    } catch (thrown) {
      await store.close();
      throw thrown;
    }
    await this.#put(id, store);
    return this.get(id);
  }
}

function locked(name: string): AppError {
  return new AppError('repository-locked', `${name} is encrypted and its key is not remembered.`, {
    advice: 'Give its password.',
  });
}
