/**
 * A disk in memory that loses what was not synced. It counts every step that changes something and
 * can stop for ever before any of them; `crash` then gives the disk a reboot would find: synced
 * pages and names for certain, each unsynced 4-KiB page and each unsynced name at random.
 */
import type { StorageDone, WalError } from '../../src/host/storage-ports.js';
import type { Directory, DiskFile, FileDone } from '../../src/wal/disk.js';
import { systemError } from '../../src/wal/errors.js';

const PAGE_BYTES = 4096;

export type Step = 'create' | 'write' | 'datasync' | 'rename' | 'unlink' | 'sync' | 'mkdir';

/** One file: what is on the platter, and what the operating system holds. */
class Inode {
  durable = new Uint8Array(0);
  current = new Uint8Array(0);
  readonly dirty = new Set<number>();

  write(data: Uint8Array, offset: number): void {
    const end = offset + data.length;
    if (end > this.current.length) this.current = grown(this.current, end);
    this.current.set(data, offset);
    const last = Math.floor(Math.max(offset, end - 1) / PAGE_BYTES);
    for (let page = Math.floor(offset / PAGE_BYTES); page <= last; page += 1) this.dirty.add(page);
  }

  sync(): void {
    this.durable = this.current.slice();
    this.dirty.clear();
  }

  afterCrash(survives: () => boolean): Inode {
    const inode = new Inode();
    const longer = this.current.length > this.durable.length && survives();
    inode.current = grown(this.durable, longer ? this.current.length : this.durable.length);
    for (const page of this.dirty) {
      const from = page * PAGE_BYTES;
      if (!survives() || from >= inode.current.length) continue;
      const to = Math.min(from + PAGE_BYTES, inode.current.length, this.current.length);
      inode.current.set(this.current.subarray(from, to), from);
    }
    inode.sync();
    return inode;
  }
}

type Node = Inode | Folder;

class Folder {
  durable = new Map<string, Node>();
  current = new Map<string, Node>();

  put(name: string, node: Node): void {
    this.current.set(name, node);
    this.durable.set(name, node);
  }

  afterCrash(survives: () => boolean): Folder {
    const folder = new Folder();
    const copies = new Map<Node, Node>();
    const names = new Set([...this.durable.keys(), ...this.current.keys()]);
    for (const name of names) {
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

export class MemoryDisk {
  readonly root: Directory;
  readonly #folder: Folder;
  /** Steps done so far. */
  steps = 0;
  /** The disk stops for ever before this step. */
  stopAtStep: number = Number.POSITIVE_INFINITY;
  /** Injects an error: return its code. */
  fault: (step: Step | 'read', path: string) => string | undefined = () => undefined;
  #onStopped: () => void = () => undefined;
  /** Resolves when the disk stopped. */
  readonly stopped: Promise<void>;

  constructor(folder: Folder = new Folder()) {
    this.#folder = folder;
    this.root = new MemoryDirectory(this, folder, '/data');
    this.stopped = new Promise((resolve) => {
      this.#onStopped = resolve;
    });
  }

  /** What a reboot finds; `survives` decides about each unsynced page and name. */
  crash(survives: () => boolean): MemoryDisk {
    return new MemoryDisk(this.#folder.afterCrash(survives));
  }

  /** The bytes of a file, live: change them to damage it. `path` is relative to the root. */
  bytesOf(path: string): Uint8Array {
    const node = this.#find(path);
    if (!(node instanceof Inode)) throw new Error(`no file ${path}`);
    return node.current;
  }

  /** Replaces a file's bytes, or creates it. */
  put(path: string, bytes: Uint8Array): void {
    const parts = path.split('/');
    const name = parts.pop() ?? '';
    const folder = parts.length === 0 ? this.#folder : this.#find(parts.join('/'));
    if (!(folder instanceof Folder)) throw new Error(`no directory for ${path}`);
    const inode = new Inode();
    inode.current = bytes.slice();
    inode.sync();
    folder.current.set(name, inode);
    folder.durable.set(name, inode);
  }

  names(path: string): string[] {
    const node = path === '' ? this.#folder : this.#find(path);
    if (!(node instanceof Folder)) throw new Error(`no directory ${path}`);
    return [...node.current.keys()].sort();
  }

  /** A disk with these files, all durable. */
  static of(files: ReadonlyMap<string, Uint8Array>): MemoryDisk {
    const root = new Folder();
    for (const [path, bytes] of files) {
      const parts = path.split('/');
      const name = parts.pop() ?? '';
      let folder = root;
      for (const part of parts) {
        const found = folder.current.get(part);
        const next = found instanceof Folder ? found : new Folder();
        folder.put(part, next);
        folder = next;
      }
      const inode = new Inode();
      inode.current = new Uint8Array(bytes);
      inode.sync();
      folder.put(name, inode);
    }
    return new MemoryDisk(root);
  }

  /** Every file by its path below the root, copied. */
  image(): Map<string, Uint8Array> {
    const files = new Map<string, Uint8Array>();
    const collect = (folder: Folder, prefix: string): void => {
      for (const [name, node] of folder.current) {
        if (node instanceof Folder) collect(node, `${prefix}${name}/`);
        else files.set(prefix + name, node.current.slice());
      }
    };
    collect(this.#folder, '');
    return files;
  }

  remove(path: string): void {
    const parts = path.split('/');
    const name = parts.pop() ?? '';
    const folder = parts.length === 0 ? this.#folder : this.#find(parts.join('/'));
    if (!(folder instanceof Folder)) throw new Error(`no directory for ${path}`);
    folder.current.delete(name);
    folder.durable.delete(name);
  }

  /** Runs one step later: with its effect, with a fault instead, or never. */
  run(step: Step, path: string, effect: () => WalError | undefined, done: StorageDone): void {
    queueMicrotask(() => {
      if (this.steps >= this.stopAtStep) return this.#onStopped();
      this.steps += 1;
      const code = this.fault(step, path);
      if (code !== undefined) done(systemError(step, path, { code, message: code }));
      else done(effect());
    });
  }

  /** Runs something that changes nothing; silent once the disk stopped. */
  look(path: string, effect: (error: WalError | undefined) => void): void {
    queueMicrotask(() => {
      if (this.steps >= this.stopAtStep) return this.#onStopped();
      const code = this.fault('read', path);
      effect(code === undefined ? undefined : systemError('read', path, { code, message: code }));
    });
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#folder;
    for (const part of path.split('/')) {
      node = node instanceof Folder ? node.current.get(part) : undefined;
    }
    return node;
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
    const inode = new Inode();
    const effect = (): undefined => {
      this.#folder.current.set(name, inode);
    };
    this.#disk.run('create', `${this.path}/${name}`, effect, (error) => {
      done(error, error === undefined ? this.#file(name, inode) : undefined);
    });
  }

  open(name: string, done: FileDone): void {
    const path = `${this.path}/${name}`;
    this.#disk.look(path, (error) => {
      const inode = this.#folder.current.get(name);
      if (error === undefined && inode instanceof Inode) {
        return done(undefined, this.#file(name, inode));
      }
      const missing = systemError('open', path, { code: 'ENOENT', message: 'no such file' });
      done(error ?? missing, undefined);
    });
  }

  rename(from: string, to: string, done: StorageDone): void {
    const effect = (): WalError | undefined => {
      const node = this.#folder.current.get(from);
      if (node === undefined) return systemError('rename', from, { code: 'ENOENT' });
      this.#folder.current.delete(from);
      this.#folder.current.set(to, node);
      return undefined;
    };
    this.#disk.run('rename', `${this.path}/${to}`, effect, done);
  }

  unlink(name: string, done: StorageDone): void {
    const effect = (): undefined => {
      this.#folder.current.delete(name);
    };
    this.#disk.run('unlink', `${this.path}/${name}`, effect, done);
  }

  list(done: (error: WalError | undefined, names: readonly string[]) => void): void {
    this.#disk.look(this.path, (error) => done(error, [...this.#folder.current.keys()]));
  }

  sync(done: StorageDone): void {
    const effect = (): undefined => {
      this.#folder.durable = new Map(this.#folder.current);
    };
    this.#disk.run('sync', this.path, effect, done);
  }

  directory(
    name: string,
    done: (error: WalError | undefined, directory: Directory | undefined) => void,
  ): void {
    const effect = (): undefined => {
      if (!this.#folder.current.has(name)) this.#folder.current.set(name, new Folder());
    };
    this.#disk.run('mkdir', `${this.path}/${name}`, effect, (mkdirError) => {
      if (mkdirError !== undefined) return done(mkdirError, undefined);
      this.sync((error) => {
        const folder = this.#folder.current.get(name);
        if (error !== undefined || !(folder instanceof Folder)) return done(error, undefined);
        done(undefined, new MemoryDirectory(this.#disk, folder, `${this.path}/${name}`));
      });
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

  /** The effect comes before the step is counted as done: a crash after it may tear it. */
  write(data: Uint8Array, offset: number, done: StorageDone): void {
    const effect = (): undefined => this.#inode.write(data, offset) as undefined;
    this.#disk.run('write', this.path, effect, done);
  }

  datasync(done: StorageDone): void {
    const effect = (): undefined => this.#inode.sync() as undefined;
    this.#disk.run('datasync', this.path, effect, done);
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
    this.#disk.look(this.path, (error) => {
      if (error !== undefined) return done(error, 0);
      const part = this.#inode.current.subarray(offset, offset + into.length);
      into.set(part);
      done(undefined, part.length);
    });
  }

  size(done: (error: WalError | undefined, bytes: number) => void): void {
    this.#disk.look(this.path, (error) => done(error, this.#inode.current.length));
  }

  close(done: StorageDone): void {
    this.#disk.look(this.path, done);
  }
}

function grown(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(length);
  copy.set(bytes.subarray(0, length));
  return copy;
}
