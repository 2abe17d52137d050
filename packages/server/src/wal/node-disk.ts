/**
 * `Directory` and `DiskFile` over node:fs. Log blocks are written and synced by a thread of their
 * own when there is one, everything else by libuv's pool.
 */
import {
  close,
  constants,
  fdatasync,
  fstat,
  fsync,
  mkdir,
  open,
  read,
  readdir,
  rename,
  unlink,
  write,
} from 'node:fs';
import { dirname, join, resolve as resolvePath } from 'node:path';
import type { StorageDone, WalError } from '../host/storage-ports.js';
import {
  completed,
  type Directory,
  type DiskFile,
  type FileDone,
  type ReadableDirectory,
} from './disk.js';
import { errorCode, StorageError, systemError } from './errors.js';
import { SyncThread } from './sync-thread.js';

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

export interface NodeDisk {
  readonly root: Directory;
  /** Ends the sync thread; all files are closed. */
  close(): void;
}

/**
 * The file system from `path` on, which is created when missing. `syncWorker` (production:
 * `syncWorkerUrl`) is the file the sync thread runs; without one, libuv's pool syncs.
 */
export async function openNodeDisk(
  path: string,
  options: { readonly syncWorker: URL | undefined },
): Promise<NodeDisk> {
  const absolute = resolvePath(path);
  const created = await makeDirectories(absolute);
  if (created !== undefined) await syncParents(absolute, created);
  const { syncWorker } = options;
  const thread = syncWorker === undefined ? undefined : new SyncThread(syncWorker);
  return { root: new NodeDirectory(absolute, thread), close: () => thread?.close() };
}

/** The existing directory `path`; the operating system refuses to write to files opened here. */
export function openForReading(path: string): ReadableDirectory {
  return new NodeDirectory(resolvePath(path), undefined, constants.O_RDONLY);
}

/** The topmost directory that had to be created, if any. */
function makeDirectories(path: string): Promise<string | undefined> {
  return new Promise((done, reject) => {
    mkdir(path, { recursive: true, mode: DIRECTORY_MODE }, (error, created) => {
      if (error === null) done(created);
      else if (errorCode(error) !== 'EEXIST') reject(systemError('mkdir', path, error));
      else reject(new StorageError('io', `${path} is a file, not a directory`, { file: path }));
    });
  });
}

/** A new directory is durable once the one that holds its name is synced. */
async function syncParents(path: string, topmost: string): Promise<void> {
  for (let at = path; at.length >= topmost.length; at = dirname(at)) {
    const parent = new NodeDirectory(dirname(at), undefined);
    await completed((done) => parent.sync(done));
  }
}

class NodeDirectory implements Directory {
  readonly path: string;
  readonly #thread: SyncThread | undefined;
  readonly #access: number;

  constructor(path: string, thread: SyncThread | undefined, access: number = constants.O_RDWR) {
    this.path = path;
    this.#thread = thread;
    this.#access = access;
  }

  create(name: string, done: FileDone): void {
    this.#open(name, constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC, done);
  }

  open(name: string, done: FileDone): void {
    this.#open(name, this.#access, done);
  }

  rename(from: string, to: string, done: StorageDone): void {
    rename(join(this.path, from), join(this.path, to), (error) => {
      done(failed('rename', join(this.path, from), error));
    });
  }

  unlink(name: string, done: StorageDone): void {
    const path = join(this.path, name);
    unlink(path, (error) => {
      done(errorCode(error) === 'ENOENT' ? undefined : failed('unlink', path, error));
    });
  }

  list(done: (error: WalError | undefined, names: readonly string[]) => void): void {
    readdir(this.path, (error, names) => {
      done(failed('readdir', this.path, error), error === null ? names : []);
    });
  }

  sync(done: StorageDone): void {
    open(this.path, constants.O_RDONLY, (openError, fd) => {
      if (openError !== null) return done(failed('open', this.path, openError));
      fsync(fd, (syncError) => {
        close(fd, (closeError) => {
          done(failed('fsync', this.path, syncError) ?? failed('close', this.path, closeError));
        });
      });
    });
  }

  directory(
    name: string,
    done: (error: WalError | undefined, directory: Directory | undefined) => void,
  ): void {
    const path = join(this.path, name);
    mkdir(path, { mode: DIRECTORY_MODE }, (error) => {
      if (error !== null && errorCode(error) !== 'EEXIST') {
        return done(failed('mkdir', path, error), undefined);
      }
      this.sync((syncError) => {
        if (syncError !== undefined) done(syncError, undefined);
        else done(undefined, new NodeDirectory(path, this.#thread));
      });
    });
  }

  allocate(bytes: number): Uint8Array {
    return this.#thread === undefined
      ? new Uint8Array(bytes)
      : new Uint8Array(new SharedArrayBuffer(bytes));
  }

  #open(name: string, flags: number, done: FileDone): void {
    const path = join(this.path, name);
    open(path, flags, FILE_MODE, (error, fd) => {
      if (error !== null) done(failed('open', path, error), undefined);
      else done(undefined, new NodeFile(path, fd, this.#thread));
    });
  }
}

class NodeFile implements DiskFile {
  readonly path: string;
  readonly #fd: number;
  readonly #thread: SyncThread | undefined;

  constructor(path: string, fd: number, thread: SyncThread | undefined) {
    this.path = path;
    this.#fd = fd;
    this.#thread = thread;
  }

  write(data: Uint8Array, offset: number, done: StorageDone): void {
    write(this.#fd, data, 0, data.length, offset, (error, written) => {
      if (error !== null) return done(failed('write', this.path, error));
      // A short write is no error; what stopped it shows when the rest is tried.
      if (written === data.length) return done(undefined);
      this.write(data.subarray(written), offset + written, done);
    });
  }

  datasync(done: StorageDone): void {
    fdatasync(this.#fd, (error) => done(failed('fdatasync', this.path, error)));
  }

  writeDurably(data: Uint8Array, offset: number, done: StorageDone): void {
    const thread = this.#thread;
    if (thread === undefined) {
      this.write(data, offset, (error) => {
        if (error === undefined) this.datasync(done);
        else done(error);
      });
      return;
    }
    thread.write(data, { fd: this.#fd, offset }, (report) => {
      done(report.code === undefined ? undefined : systemError('write', this.path, report));
    });
  }

  read(
    into: Uint8Array,
    offset: number,
    done: (error: WalError | undefined, bytesRead: number) => void,
    before = 0,
  ): void {
    read(this.#fd, into, before, into.length - before, offset + before, (error, bytes) => {
      if (error !== null) return done(failed('read', this.path, error), 0);
      const total = before + bytes;
      if (bytes === 0 || total === into.length) return done(undefined, total);
      this.read(into, offset, done, total);
    });
  }

  size(done: (error: WalError | undefined, bytes: number) => void): void {
    fstat(this.#fd, (error, stats) => {
      if (error !== null) done(failed('fstat', this.path, error), 0);
      else done(undefined, stats.size);
    });
  }

  close(done: StorageDone): void {
    close(this.#fd, (error) => done(failed('close', this.path, error ?? null)));
  }
}

function failed(call: string, path: string, error: unknown): WalError | undefined {
  return error === null || error === undefined ? undefined : systemError(call, path, error);
}
