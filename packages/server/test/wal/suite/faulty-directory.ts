/** A `Directory` over another one that counts every step and can fail any of them. */
import type { StorageDone, WalError } from '../../../src/host/storage-ports.js';
import type { Directory, DiskFile, FileDone } from '../../../src/wal/disk.js';
import { systemError } from '../../../src/wal/errors.js';

export type FaultyStep = 'create' | 'write' | 'datasync' | 'rename' | 'unlink' | 'sync';

/** Shared by all files and folders of one disk. */
export class Faults {
  /** What was tried, in order, as step and path. */
  readonly tried: string[] = [];
  /** Files that are open. */
  open = 0;
  /** Steps under way. */
  busy = 0;
  /** The code of the error this step is to fail with. */
  fault: (step: FaultyStep, path: string) => string | undefined = () => undefined;

  /** Fails `step`, or goes on with `effect`; a failed step has none. */
  run(
    step: FaultyStep,
    path: string,
    effect: (done: StorageDone) => void,
    done: StorageDone,
  ): void {
    this.tried.push(`${step} ${path}`);
    this.busy += 1;
    const ended: StorageDone = (error) => {
      this.busy -= 1;
      done(error);
    };
    const code = this.fault(step, path);
    if (code === undefined) effect(ended);
    else queueMicrotask(() => ended(systemError(step, path, { code, message: code })));
  }
}

export class FaultyDirectory implements Directory {
  readonly #inner: Directory;
  readonly #faults: Faults;

  constructor(inner: Directory, faults: Faults) {
    this.#inner = inner;
    this.#faults = faults;
  }

  get path(): string {
    return this.#inner.path;
  }

  create(name: string, done: FileDone): void {
    let created: DiskFile | undefined;
    const effect = (ended: StorageDone): void =>
      this.#inner.create(name, (error, file) => {
        created = file;
        ended(error);
      });
    this.#faults.run('create', `${this.path}/${name}`, effect, (error) => {
      this.#wrap(done)(error, created);
    });
  }

  open(name: string, done: FileDone): void {
    this.#faults.busy += 1;
    this.#inner.open(name, (error, file) => {
      this.#faults.busy -= 1;
      this.#wrap(done)(error, file);
    });
  }

  rename(from: string, to: string, done: StorageDone): void {
    const effect = (ended: StorageDone): void => this.#inner.rename(from, to, ended);
    this.#faults.run('rename', `${this.path}/${to}`, effect, done);
  }

  unlink(name: string, done: StorageDone): void {
    const effect = (ended: StorageDone): void => this.#inner.unlink(name, ended);
    this.#faults.run('unlink', `${this.path}/${name}`, effect, done);
  }

  list(done: (error: WalError | undefined, names: readonly string[]) => void): void {
    this.#inner.list(done);
  }

  sync(done: StorageDone): void {
    this.#faults.run('sync', this.path, (ended) => this.#inner.sync(ended), done);
  }

  directory(
    name: string,
    done: (error: WalError | undefined, directory: Directory | undefined) => void,
  ): void {
    this.#inner.directory(name, (error, inner) => {
      done(error, inner === undefined ? undefined : new FaultyDirectory(inner, this.#faults));
    });
  }

  allocate(bytes: number): Uint8Array {
    return this.#inner.allocate(bytes);
  }

  #wrap(done: FileDone): FileDone {
    return (error, file) => {
      if (file === undefined) return done(error, undefined);
      this.#faults.open += 1;
      done(error, new FaultyFile(file, this.#faults));
    };
  }
}

class FaultyFile implements DiskFile {
  readonly #inner: DiskFile;
  readonly #faults: Faults;

  constructor(inner: DiskFile, faults: Faults) {
    this.#inner = inner;
    this.#faults = faults;
  }

  get path(): string {
    return this.#inner.path;
  }

  write(data: Uint8Array, offset: number, done: StorageDone): void {
    const effect = (ended: StorageDone): void => this.#inner.write(data, offset, ended);
    this.#faults.run('write', this.path, effect, done);
  }

  datasync(done: StorageDone): void {
    this.#faults.run('datasync', this.path, (ended) => this.#inner.datasync(ended), done);
  }

  writeDurably(data: Uint8Array, offset: number, done: StorageDone): void {
    this.write(data, offset, (error) => {
      if (error === undefined) this.datasync(done);
      else done(error);
    });
  }

  read(
    into: Uint8Array,
    offset: number,
    done: (error: WalError | undefined, bytesRead: number) => void,
  ): void {
    this.#inner.read(into, offset, done);
  }

  size(done: (error: WalError | undefined, bytes: number) => void): void {
    this.#inner.size(done);
  }

  close(done: StorageDone): void {
    this.#faults.open -= 1;
    this.#inner.close(done);
  }
}
