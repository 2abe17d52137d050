import type { SnapshotWriter, StorageDone, WalError } from '../host/storage-ports.js';
import type { Directory, DiskFile } from './disk.js';
import { assert } from './errors.js';
import { TEMPORARY_SUFFIX } from './segment.js';
import {
  encodeFrame,
  encodeTrailer,
  FRAME_HEAD_BYTES,
  SNAPSHOT_CHUNK_BYTES_MAX,
} from './snapshot-format.js';

/** Synced this often, so that no large flush at the end stands in the way of the log. */
const UNSYNCED_BYTES_MAX = 8 * 1024 * 1024;

interface NewSnapshotFile {
  readonly directory: Directory;
  /** Open under its temporary name, the head already written. */
  readonly file: DiskFile;
  readonly name: string;
  readonly headBytes: number;
}

/** Writes one snapshot file (R38); one call at a time. */
export class FileSnapshotWriter implements SnapshotWriter {
  readonly #target: NewSnapshotFile;
  readonly #frame = new Uint8Array(FRAME_HEAD_BYTES + SNAPSHOT_CHUNK_BYTES_MAX);
  #offset: number;
  #unsyncedBytes: number;
  #bytes = 0;
  #frameCount = 0;
  #busy = false;
  #ended = false;

  constructor(target: NewSnapshotFile) {
    this.#target = target;
    this.#offset = target.headBytes;
    this.#unsyncedBytes = target.headBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  write(chunk: Uint8Array, done: StorageDone): void {
    assert(chunk.length > 0, 'a chunk holds something');
    assert(chunk.length <= SNAPSHOT_CHUNK_BYTES_MAX, 'a chunk is within its bound');
    this.#begin();
    const frame = encodeFrame(this.#frame, chunk, this.#frameCount);
    this.#put(frame, (error) => {
      this.#frameCount += 1;
      this.#bytes += chunk.length;
      this.#busy = false;
      done(error);
    });
  }

  commit(done: (error: WalError | undefined, file: string) => void): void {
    this.#begin();
    this.#ended = true;
    const { directory, file, name } = this.#target;
    const trailer = encodeTrailer({ streamBytes: this.#bytes, frameCount: this.#frameCount });
    file.write(trailer, this.#offset, (writeError) => {
      if (writeError !== undefined) return this.#discard(writeError, done);
      file.datasync((syncError) => {
        if (syncError !== undefined) return this.#discard(syncError, done);
        file.close((closeError) => {
          if (closeError !== undefined) return this.#unlink(closeError, done);
          directory.rename(name + TEMPORARY_SUFFIX, name, (renameError) => {
            if (renameError !== undefined) return this.#unlink(renameError, done);
            directory.sync((error) => done(error, error === undefined ? name : ''));
          });
        });
      });
    });
  }

  abort(done: StorageDone): void {
    this.#begin();
    this.#ended = true;
    const { directory, file, name } = this.#target;
    file.close((closeError) => {
      directory.unlink(name + TEMPORARY_SUFFIX, (unlinkError) => done(closeError ?? unlinkError));
    });
  }

  /** A snapshot is tried again later: until then what failed keeps no space and no open file. */
  #discard(error: WalError, done: (error: WalError | undefined, file: string) => void): void {
    this.#target.file.close(() => this.#unlink(error, done));
  }

  /** The error that led here is the one to report; a name left behind goes at the next start. */
  #unlink(error: WalError, done: (error: WalError | undefined, file: string) => void): void {
    const { directory, name } = this.#target;
    directory.unlink(name + TEMPORARY_SUFFIX, () => done(error, ''));
  }

  #begin(): void {
    assert(!this.#busy && !this.#ended, 'one call at a time, none after the end');
    this.#busy = true;
  }

  #put(frame: Uint8Array, done: StorageDone): void {
    const { file } = this.#target;
    file.write(frame, this.#offset, (writeError) => {
      if (writeError !== undefined) return done(writeError);
      this.#offset += frame.length;
      this.#unsyncedBytes += frame.length;
      if (this.#unsyncedBytes < UNSYNCED_BYTES_MAX) return done(undefined);
      this.#unsyncedBytes = 0;
      file.datasync(done);
    });
  }
}
