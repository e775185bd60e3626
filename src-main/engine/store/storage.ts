/**
 * Where a repository's files are, as few verbs as an object store has. Names are relative with '/'
 * between parts ("packs/ab/ab12…"). test/suites/storage.ts says what every implementation must do.
 */
/** A file being written under a temporary name. */
export interface FileWriter {
  /** Bytes accepted so far. */
  readonly sizeBytes: number;
  /** Call one after another. */
  append(bytes: Uint8Array): Promise<void>;
  /** Reads back what was appended. */
  readBack(offset: number, length: number): Promise<Buffer>;
  /** Makes it durable under its name. */
  publish(): Promise<void>;
  /** Forgets it; never throws. */
  discard(): Promise<void>;
}

export interface Storage {
  /** Whole content. `path-not-found` when missing, `path-invalid` beyond `maxBytes`. */
  get(name: string, maxBytes: number): Promise<Buffer>;
  /** Fills `into` with the bytes from `offset`; `file-failed` when the file ends before. */
  readInto(name: string, offset: number, into: Uint8Array): Promise<void>;
  /** Null when there is none. */
  size(name: string): Promise<number | null>;
  /** Durable when it resolves; false, and nothing changed, when the name is taken. */
  putIfAbsent(name: string, bytes: Uint8Array): Promise<boolean>;
  /** Durable when it resolves; replaces in one step. */
  put(name: string, bytes: Uint8Array): Promise<void>;
  create(name: string): Promise<FileWriter>;
  /** Names directly under a prefix such as "locks"; none when it does not exist. */
  list(prefix: string): Promise<readonly string[]>;
  /** Nothing there is fine. */
  delete(name: string): Promise<void>;
  /** Throws `repository-unavailable` unless the same repository is still there. */
  check(): Promise<void>;
  /** Removes what interrupted writers left. Only the holder of the lease may call it. */
  removeTemporary(): Promise<void>;
  close(): Promise<void>;
}
