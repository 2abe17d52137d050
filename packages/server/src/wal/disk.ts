/**
 * What this folder needs of a file system, small enough to double: a simulator crashes at every
 * write and sync boundary and tears 4-KiB pages. Production is `node-disk.ts`.
 *
 * A write is durable only after a later `datasync`; a created, renamed or deleted name only after
 * a later `sync` of its directory. A callback never runs inside the call that got it.
 */
import type { StorageDone, WalError } from '../host/storage-ports.js';

export interface DiskFile {
  /** Full path, for messages. */
  readonly path: string;
  /** Writes all of `data` at `offset`. `data` must not change before `done`. */
  write(data: Uint8Array, offset: number, done: StorageDone): void;
  /** Makes everything written so far durable, with the file's size. */
  datasync(done: StorageDone): void;
  /**
   * `write`, then `datasync`, as one call: the one on the path of every acknowledged write. `data`
   * must come from `allocate` of the directory. At most two calls at a time per directory tree: a
   * block of the log, and a slice of the segment that is being prepared.
   */
  writeDurably(data: Uint8Array, offset: number, done: StorageDone): void;
  /** Fills `into` from `offset`; fewer bytes than asked only at the end of the file. */
  read(
    into: Uint8Array,
    offset: number,
    done: (error: WalError | undefined, bytesRead: number) => void,
  ): void;
  size(done: (error: WalError | undefined, bytes: number) => void): void;
  close(done: StorageDone): void;
}

export type FileDone = (error: WalError | undefined, file: DiskFile | undefined) => void;

/** The part of a directory that changes nothing. */
export interface ReadableDirectory {
  readonly path: string;
  /** Opens an existing file. A missing one is an `io` error. */
  open(name: string, done: FileDone): void;
  list(done: (error: WalError | undefined, names: readonly string[]) => void): void;
}

/** Its `open` opens for reading and writing. */
export interface Directory extends ReadableDirectory {
  /** Creates (an existing file is emptied) and opens for reading and writing. */
  create(name: string, done: FileDone): void;
  rename(from: string, to: string, done: StorageDone): void;
  /** A name that does not exist is success. */
  unlink(name: string, done: StorageDone): void;
  /** Makes created, renamed and deleted names durable. */
  sync(done: StorageDone): void;
  /** The subdirectory `name`, created durably when missing. */
  directory(
    name: string,
    done: (error: WalError | undefined, directory: Directory | undefined) => void,
  ): void;
  /** Memory that `writeDurably` takes without copying it. */
  allocate(bytes: number): Uint8Array;
}

/** For opening, where promises are fine: waits for a call that reports only success. */
export function completed(call: (done: StorageDone) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => (error === undefined ? resolve() : reject(error)));
  });
}

/** For opening: waits for a call that reports a value. */
export function result<T>(
  call: (done: (error: WalError | undefined, value: T | undefined) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => {
      if (error !== undefined || value === undefined) reject(error);
      else resolve(value);
    });
  });
}
