/**
 * Snapshot files of all groups in one directory (R38). A name says group and index and is unique,
 * so a file is never written twice; the marker in the log decides which one counts.
 */
import type { SnapshotMeta } from '@cashe/raft';
import type {
  SnapshotReader,
  SnapshotStore,
  SnapshotWriter,
  StorageDone,
  WalError,
} from '../host/storage-ports.js';
import {
  completed,
  type Directory,
  type DiskFile,
  type ReadableDirectory,
  result,
} from './disk.js';
import { corrupt, errorCode } from './errors.js';
import { TEMPORARY_SUFFIX } from './segment.js';
import { encodeHead, SNAPSHOT_CHUNK_BYTES_MAX } from './snapshot-format.js';
import { openSnapshot } from './snapshot-reader.js';
import { FileSnapshotWriter } from './snapshot-writer.js';

export const SNAPSHOTS_DIRECTORY = 'snapshots';
const NAME = /^([0-9]+)-([0-9]{16})-[0-9a-f]{16}\.snapshot$/;
const UNIQUE_BYTES = 8;

/** Opens the store below `parent`, and deletes what was being written when the process ended. */
export async function openSnapshotStore(
  parent: Directory,
  random: (bytes: number) => Uint8Array,
): Promise<SnapshotStore> {
  const directory = await result<Directory>((done) => parent.directory(SNAPSHOTS_DIRECTORY, done));
  const names = await result<readonly string[]>((done) => directory.list(done));
  for (const name of names) {
    if (!name.endsWith(TEMPORARY_SUFFIX)) continue;
    await completed((done) => directory.unlink(name, done));
  }
  return new FileSnapshotStore(directory, random);
}

class FileSnapshotStore implements SnapshotStore {
  readonly chunkBytesMax: number = SNAPSHOT_CHUNK_BYTES_MAX;
  readonly #directory: Directory;
  readonly #random: (bytes: number) => Uint8Array;

  constructor(directory: Directory, random: (bytes: number) => Uint8Array) {
    this.#directory = directory;
    this.#random = random;
  }

  begin(
    group: number,
    meta: SnapshotMeta,
    done: (error: WalError | undefined, writer: SnapshotWriter | undefined) => void,
  ): void {
    const name = snapshotName(group, meta, this.#random(UNIQUE_BYTES));
    const directory = this.#directory;
    directory.create(name + TEMPORARY_SUFFIX, (createError, file) => {
      if (file === undefined) return done(createError, undefined);
      const head = encodeHead({ group, meta });
      file.write(head, 0, (error) => {
        if (error === undefined) {
          const target = { directory, file, name, headBytes: head.length };
          return done(undefined, new FileSnapshotWriter(target));
        }
        closeQuietly(file, () => done(error, undefined));
      });
    });
  }

  open(
    name: string,
    done: (error: WalError | undefined, reader: SnapshotReader | undefined) => void,
  ): void {
    openSnapshotFile(this.#directory, name, done);
  }

  list(group: number, done: (error: WalError | undefined, files: readonly string[]) => void): void {
    this.#directory.list((error, names) => {
      const own = names.filter((name) => snapshotGroup(name) === group);
      // The index is padded: order of names is order of indexes.
      done(error, own.sort());
    });
  }

  retain(group: number, files: readonly string[], done: StorageDone): void {
    this.list(group, (error, names) => {
      if (error !== undefined) return done(error);
      const doomed = names.filter((name) => !files.includes(name));
      this.#unlinkAll(doomed, done);
    });
  }

  #unlinkAll(names: readonly string[], done: StorageDone): void {
    const [name, ...others] = names;
    if (name === undefined) {
      this.#directory.sync(done);
      return;
    }
    this.#directory.unlink(name, (error) => {
      if (error !== undefined) done(error);
      else this.#unlinkAll(others, done);
    });
  }
}

/** Opens the snapshot file `name`; a missing or damaged one is `corrupt`. */
export function openSnapshotFile(
  directory: ReadableDirectory,
  name: string,
  done: Parameters<SnapshotStore['open']>[1],
): void {
  directory.open(name, (openError, file) => {
    if (file === undefined) {
      const missing = errorCode(openError?.cause) === 'ENOENT';
      const path = `${directory.path}/${name}`;
      return done(missing ? corrupt(path, 0, 'the file is missing') : openError, undefined);
    }
    openSnapshot(file, (error, reader) => {
      if (reader !== undefined) done(undefined, reader);
      else closeQuietly(file, () => done(error, undefined));
    });
  });
}

function snapshotName(group: number, meta: SnapshotMeta, unique: Uint8Array): string {
  const index = String(meta.lastIncludedIndex).padStart(16, '0');
  return `${group}-${index}-${Buffer.from(unique).toString('hex')}.snapshot`;
}

/** The group a snapshot file's name says; undefined for names of other files. */
export function snapshotGroup(name: string): number | undefined {
  const match = NAME.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/** The error that led here is the one to report. */
function closeQuietly(file: DiskFile, next: () => void): void {
  file.close(() => next());
}
