/** What an implementation keeps its files on: loaded from an image, and read back into one. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import type { Directory } from '../../../src/wal/disk.js';
import { openNodeDisk } from '../../../src/wal/node-disk.js';
import { MemoryDisk } from '../../support/memory-disk.js';

/** Every file by its path below the root. */
export type DiskImage = ReadonlyMap<string, Uint8Array>;

export interface Medium {
  /** Of what was loaded last. */
  readonly root: Directory;
  /** Replaces every file. Nothing is open. */
  load(image: DiskImage): Promise<void>;
  image(): DiskImage;
  dispose(): void;
}

export type MediumFactory = () => Promise<Medium>;

export const EMPTY_IMAGE: DiskImage = new Map();

/** `image` with the bytes of one file changed; the others are shared. */
export function withFile(image: DiskImage, path: string, bytes: Uint8Array): DiskImage {
  return new Map(image).set(path, bytes);
}

class MemoryMedium implements Medium {
  #disk = new MemoryDisk();

  get root(): Directory {
    return this.#disk.root;
  }

  async load(image: DiskImage): Promise<void> {
    this.#disk = MemoryDisk.of(image);
  }

  image(): DiskImage {
    return this.#disk.image();
  }

  dispose(): void {
    this.#disk = new MemoryDisk();
  }
}

class FileMedium implements Medium {
  readonly root: Directory;
  readonly #path: string;

  constructor(path: string, root: Directory) {
    this.#path = path;
    this.root = root;
  }

  async load(image: DiskImage): Promise<void> {
    const sizes = new Map<string, number>();
    for (const path of this.#files()) {
      if (image.has(path)) sizes.set(path, statSync(join(this.#path, path)).size);
      else rmSync(join(this.#path, path));
    }
    for (const folder of foldersOf(image)) mkdirSync(join(this.#path, folder), { recursive: true });
    for (const [path, bytes] of image) {
      // In place where possible: ext4 flushes a file that is truncated and written again.
      const flag = sizes.get(path) === bytes.length ? 'r+' : 'w';
      writeFileSync(join(this.#path, path), bytes, { flag });
    }
  }

  image(): DiskImage {
    const read = (path: string): Uint8Array => new Uint8Array(readFileSync(join(this.#path, path)));
    return new Map(this.#files().map((path) => [path, read(path)]));
  }

  dispose(): void {
    rmSync(this.#path, { recursive: true });
  }

  #files(): string[] {
    return readdirSync(this.#path, { withFileTypes: true, recursive: true })
      .filter((found) => found.isFile())
      .map((found) => relative(this.#path, join(found.parentPath, found.name)));
  }
}

function foldersOf(image: DiskImage): ReadonlySet<string> {
  return new Set([...image.keys()].map(dirname).filter((folder) => folder !== '.'));
}

export const memoryMedium: MediumFactory = async () => new MemoryMedium();

/** Real files, written by libuv's pool: thousands of reopenings need no thread each. */
export const fileMedium: MediumFactory = async () => {
  const path = mkdtempSync(join(tmpdir(), 'cashe-conformance-'));
  const { root } = await openNodeDisk(path, { syncWorker: undefined });
  return new FileMedium(path, root);
};
