/**
 * A disk in memory that loses what was not synced. Everything answers later, through `schedule`.
 * `crash` gives the disk a reboot finds: synced pages and names for certain, each unsynced 4-KiB
 * page and each unsynced name as `survives` says.
 */
import type { Directory, DiskFile, FileDone, StorageDone } from '@cashe/server/simulation';
import { systemError } from '@cashe/server/simulation';

const PAGE_BYTES = 4096;

type DiskError = NonNullable<Parameters<StorageDone>[0]>;

/** One file: what is on the platter, and what the operating system holds. */
class Inode {
  durable: Uint8Array = new Uint8Array(0);
  current: Uint8Array = new Uint8Array(0);
  readonly dirty: Set<number> = new Set();

  write(data: Uint8Array, offset: number): void {
    const end = offset + data.length;
    if (end > this.current.length) this.current = grown(this.current, end);
    this.current.set(data, offset);
    const last = Math.floor(Math.max(offset, end - 1) / PAGE_BYTES);
    for (let page = Math.floor(offset / PAGE_BYTES); page <= last; page += 1) this.dirty.add(page);
  }

  sync(): void {
    if (this.durable.length < this.current.length) {
      this.durable = grown(this.durable, this.current.length);
    }
    for (const page of this.dirty) this.#copyPage(page, this.durable);
    this.dirty.clear();
  }

  afterCrash(survives: () => boolean): Inode {
    const inode = new Inode();
    const longer = this.current.length > this.durable.length && survives();
    inode.current = grown(this.durable, longer ? this.current.length : this.durable.length);
    for (const page of this.dirty) if (survives()) this.#copyPage(page, inode.current);
    inode.durable = inode.current.slice();
    return inode;
  }

  #copyPage(page: number, into: Uint8Array): void {
    const from = page * PAGE_BYTES;
    if (from >= into.length) return;
    into.set(this.current.subarray(from, Math.min(from + PAGE_BYTES, into.length)), from);
  }
}

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
      this.#folder.durable = new Map(this.#folder.current);
      done(undefined);
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
    this.#inode.write(data, offset);
    this.#disk.later(false, () => done(undefined));
  }

  datasync(done: StorageDone): void {
    this.#disk.later(true, () => {
      this.#inode.sync();
      done(undefined);
    });
  }

  writeDurably(data: Uint8Array, offset: number, done: StorageDone): void {
    this.#inode.write(data, offset);
    this.datasync(done);
  }

  read(
    into: Uint8Array,
    offset: number,
    done: (error: DiskError | undefined, bytesRead: number) => void,
  ): void {
    this.#disk.later(false, () => {
      const part = this.#inode.current.subarray(offset, offset + into.length);
      into.set(part);
      done(undefined, part.length);
    });
  }

  size(done: (error: DiskError | undefined, bytes: number) => void): void {
    this.#disk.later(false, () => done(undefined, this.#inode.current.length));
  }

  close(done: StorageDone): void {
    this.#disk.later(false, () => done(undefined));
  }
}

function missing(call: string, path: string): DiskError {
  return systemError(call, path, { code: 'ENOENT', message: 'no such file' });
}

function grown(bytes: Uint8Array, length: number): Uint8Array {
  const copy = new Uint8Array(length);
  copy.set(bytes.subarray(0, length));
  return copy;
}
