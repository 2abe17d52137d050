/**
 * A disk in memory that loses what was not synced. Everything answers later, through `schedule`.
 * `crash` gives the disk a reboot finds: synced pages and names for certain, each unsynced 4-KiB
 * page and each unsynced name as `survives` says.
 */
import type { Directory, DiskFile, FileDone, StorageDone } from '@cashe/server/simulation';
import { systemError } from '@cashe/server/simulation';
import type { DiskFaults, DiskOperation } from './disk-faults.js';
import { Inode } from './inode.js';

type DiskError = NonNullable<Parameters<StorageDone>[0]>;

type Node = Inode | Folder;

class Folder {
  durable: Map<string, Node> = new Map();
  current: Map<string, Node> = new Map();

  afterCrash(survives: () => boolean): Folder {
    const folder = new Folder();
    const copies = new Map<Node, Node>();
    for (const name of new Set([...this.durable.keys(), ...this.current.keys()])) {
      const before = this.durable.get(name);
      const after = this.current.get(name);
      const node = before === after || !survives() ? before : after;
      if (node === undefined) continue;
      const copy = copies.get(node) ?? node.afterCrash(survives);
      copies.set(node, copy);
      folder.current.set(name, copy);
    }
    folder.durable = new Map(folder.current);
    return folder;
  }
}

/** Runs a step of the disk later; `sync` says that it waits for the platter. */
type DiskSchedule = (sync: boolean, run: () => void) => void;

export class MemoryDisk {
  readonly root: Directory;
  readonly #folder: Folder;
  /** Set for the process that runs on the disk now. */
  schedule: DiskSchedule = () => undefined;
  faults: DiskFaults | undefined;

  constructor(folder: Folder = new Folder()) {
    this.#folder = folder;
    this.root = new MemoryDirectory(this, folder, '/data');
  }

  /** What a reboot finds; callbacks of this disk never run again. */
  crash(survives: () => boolean): MemoryDisk {
    this.schedule = () => undefined;
    return new MemoryDisk(this.#folder.afterCrash(survives));
  }

  later(sync: boolean, run: () => void): void {
    this.schedule(sync, run);
  }

  /** The error that a call ends with; undefined: it works. */
  failure(operation: DiskOperation, path: string): DiskError | undefined {
    const code = this.faults?.check(operation, path);
    if (code === undefined) return undefined;
    return systemError(operation, path, { code, message: `${code}, injected` });
  }

  /** A failed sync: no page is dirty any more, and what survives is a matter of luck. */
  loseUnsynced(inode: Inode): void {
    inode.loseUnsynced(() => this.faults?.random.chance(0.5) ?? false);
  }

  /** All files, in the order of their names' creation. */
  files(): { readonly path: string; readonly inode: Inode }[] {
    return filesOf(this.#folder, '/data');
  }
}

function filesOf(folder: Folder, path: string): { path: string; inode: Inode }[] {
  return [...folder.current].flatMap(([name, node]) =>
    node instanceof Inode
      ? [{ path: `${path}/${name}`, inode: node }]
      : filesOf(node, `${path}/${name}`),
  );
}

class MemoryDirectory implements Directory {
  readonly path: string;
  readonly #disk: MemoryDisk;
  readonly #folder: Folder;

  constructor(disk: MemoryDisk, folder: Folder, path: string) {
    this.#disk = disk;
    this.#folder = folder;
    this.path = path;
  }

  create(name: string, done: FileDone): void {
    this.#disk.later(false, () => {
      const error = this.#disk.failure('extend', `${this.path}/${name}`);
      if (error !== undefined) {
        done(error, undefined);
        return;
      }
      const inode = new Inode();
      this.#folder.current.set(name, inode);
      done(undefined, this.#file(name, inode));
    });
  }

  open(name: string, done: FileDone): void {
    this.#disk.later(false, () => {
      const inode = this.#folder.current.get(name);
      if (inode instanceof Inode) done(undefined, this.#file(name, inode));
      else done(missing('open', `${this.path}/${name}`), undefined);
    });
  }

  rename(from: string, to: string, done: StorageDone): void {
    this.#disk.later(false, () => {
      const node = this.#folder.current.get(from);
      if (node === undefined) {
        done(missing('rename', `${this.path}/${from}`));
        return;
      }
      this.#folder.current.delete(from);
      this.#folder.current.set(to, node);
      done(undefined);
    });
  }

  unlink(name: string, done: StorageDone): void {
    this.#disk.later(false, () => {
      this.#folder.current.delete(name);
      done(undefined);
    });
  }

  list(done: (error: DiskError | undefined, names: readonly string[]) => void): void {
    this.#disk.later(false, () => done(undefined, [...this.#folder.current.keys()]));
  }

  sync(done: StorageDone): void {
    this.#disk.later(true, () => {
      const error = this.#disk.failure('sync', this.path);
      if (error === undefined) this.#folder.durable = new Map(this.#folder.current);
      done(error);
    });
  }

  directory(
    name: string,
    done: (error: DiskError | undefined, directory: Directory | undefined) => void,
  ): void {
    this.#disk.later(false, () => {
      const found = this.#folder.current.get(name);
      const folder = found instanceof Folder ? found : new Folder();
      this.#folder.current.set(name, folder);
      const directory = new MemoryDirectory(this.#disk, folder, `${this.path}/${name}`);
      this.sync((error) => done(error, error === undefined ? directory : undefined));
    });
  }

  allocate(bytes: number): Uint8Array {
    return new Uint8Array(bytes);
  }

  #file(name: string, inode: Inode): DiskFile {
    return new MemoryFile(this.#disk, inode, `${this.path}/${name}`);
  }
}

class MemoryFile implements DiskFile {
  readonly path: string;
  readonly #disk: MemoryDisk;
  readonly #inode: Inode;

  constructor(disk: MemoryDisk, inode: Inode, path: string) {
    this.#disk = disk;
    this.#inode = inode;
    this.path = path;
  }

  /** The operating system has the pages at once: a crash before the answer may keep some. */
  write(data: Uint8Array, offset: number, done: StorageDone): void {
    const error = this.#write(data, offset);
    this.#disk.later(false, () => done(error));
  }

  datasync(done: StorageDone): void {
    this.#disk.later(true, () => {
      const error = this.#disk.failure('sync', this.path);
      if (error === undefined) this.#inode.sync();
      else this.#disk.loseUnsynced(this.#inode);
      done(error);
    });
  }

  writeDurably(data: Uint8Array, offset: number, done: StorageDone): void {
    const error = this.#write(data, offset);
    if (error === undefined) this.datasync(done);
    else this.#disk.later(false, () => done(error));
  }

  read(
    into: Uint8Array,
    offset: number,
    done: (error: DiskError | undefined, bytesRead: number) => void,
  ): void {
    this.#disk.later(false, () => {
      const error = this.#disk.failure('read', this.path);
      done(error, error === undefined ? this.#inode.read(into, offset) : 0);
    });
  }

  #write(data: Uint8Array, offset: number): DiskError | undefined {
    const grows = offset + data.length > this.#inode.bytes;
    const error =
      (grows ? this.#disk.failure('extend', this.path) : undefined) ??
      this.#disk.failure('write', this.path);
    // Of a write that failed for another reason than space a part may be there.
    if (error?.kind !== 'noSpace') this.#inode.write(data, offset);
    return error;
  }

  size(done: (error: DiskError | undefined, bytes: number) => void): void {
    this.#disk.later(false, () => done(undefined, this.#inode.bytes));
  }

  close(done: StorageDone): void {
    this.#disk.later(false, () => done(undefined));
  }
}

function missing(call: string, path: string): DiskError {
  return systemError(call, path, { code: 'ENOENT', message: 'no such file' });
}
