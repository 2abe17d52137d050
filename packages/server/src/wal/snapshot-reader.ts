import type { SnapshotMeta } from '@cashe/raft';
import type { SnapshotReader, StorageDone, WalError } from '../host/storage-ports.js';
import { MalformedBytes } from './bytes.js';
import type { DiskFile } from './disk.js';
import { assert, corrupt } from './errors.js';
import {
  decodeFrame,
  decodeHead,
  decodeTrailer,
  FRAME_HEAD_BYTES,
  HEAD_PREFIX_BYTES,
  headBytes,
  SNAPSHOT_CHUNK_BYTES_MAX,
  type SnapshotHead,
  type SnapshotTrailer,
  TRAILER_BYTES,
} from './snapshot-format.js';

type Done<T> = (error: WalError | undefined, value: T | undefined) => void;

interface Extent {
  readonly headBytes: number;
  readonly fileBytes: number;
}

/** Checks head and trailer; the frames are checked as they are read. */
export function openSnapshot(file: DiskFile, done: Done<FileSnapshotReader>): void {
  file.size((sizeError, fileBytes) => {
    if (sizeError !== undefined) return done(sizeError, undefined);
    readHead(file, (headError, found) => {
      if (found === undefined) return done(headError, undefined);
      const at = Math.max(fileBytes - TRAILER_BYTES, found.bytes);
      readPart(file, at, TRAILER_BYTES, decodeTrailer, (trailerError, trailer) => {
        if (trailer === undefined) return done(trailerError, undefined);
        const extent = { headBytes: found.bytes, fileBytes };
        done(undefined, new FileSnapshotReader(file, found.head, trailer, extent));
      });
    });
  });
}

class FileSnapshotReader implements SnapshotReader {
  readonly meta: SnapshotMeta;
  readonly group: number;
  readonly bytes: number;
  readonly #file: DiskFile;
  readonly #trailer: SnapshotTrailer;
  readonly #framesEnd: number;
  #offset: number;
  #frame = 0;
  #bytesRead = 0;
  #busy = false;

  /** Use `openSnapshot`. */
  constructor(file: DiskFile, head: SnapshotHead, trailer: SnapshotTrailer, extent: Extent) {
    this.meta = head.meta;
    this.group = head.group;
    this.bytes = trailer.streamBytes;
    this.#file = file;
    this.#trailer = trailer;
    this.#offset = extent.headBytes;
    this.#framesEnd = extent.fileBytes - TRAILER_BYTES;
  }

  read(done: (error: WalError | undefined, chunk: Uint8Array | undefined) => void): void {
    assert(!this.#busy, 'one read at a time');
    this.#busy = true;
    const left = this.#framesEnd - this.#offset;
    const bytes = Math.min(left, FRAME_HEAD_BYTES + SNAPSHOT_CHUNK_BYTES_MAX);
    // At the end this reads nothing; it keeps the rule that callbacks come later.
    this.#readFrame(new Uint8Array(bytes), done);
  }

  close(done: StorageDone): void {
    this.#file.close(done);
  }

  #readFrame(into: Uint8Array, done: Done<Uint8Array>): void {
    this.#file.read(into, this.#offset, (error, read) => {
      this.#busy = false;
      if (error !== undefined) return done(error, undefined);
      if (into.length === 0) return done(this.#endError(), undefined);
      const chunk = this.#decode(into.subarray(0, read));
      if (!(chunk instanceof Uint8Array)) return done(chunk, undefined);
      this.#offset += FRAME_HEAD_BYTES + chunk.length;
      this.#frame += 1;
      this.#bytesRead += chunk.length;
      done(undefined, chunk);
    });
  }

  #decode(bytes: Uint8Array): Uint8Array | WalError {
    try {
      return decodeFrame(bytes, this.#frame);
    } catch (error) {
      return asCorrupt(error, this.#file, this.#offset);
    }
  }

  #endError(): WalError | undefined {
    const { streamBytes, frameCount } = this.#trailer;
    if (this.#bytesRead === streamBytes && this.#frame === frameCount) return undefined;
    return corrupt(this.#file.path, this.#offset, 'the snapshot is shorter than its trailer says');
  }
}

function readHead(
  file: DiskFile,
  done: Done<{ readonly head: SnapshotHead; readonly bytes: number }>,
): void {
  readPart(file, 0, HEAD_PREFIX_BYTES, headBytes, (prefixError, bytes) => {
    if (bytes === undefined) return done(prefixError, undefined);
    readPart(file, 0, bytes, decodeHead, (error, head) => {
      done(error, head === undefined ? undefined : { head, bytes });
    });
  });
}

function readPart<T>(
  file: DiskFile,
  offset: number,
  bytes: number,
  decode: (bytes: Uint8Array) => T,
  done: Done<T>,
): void {
  const into = new Uint8Array(bytes);
  file.read(into, offset, (error, read) => {
    if (error !== undefined) return done(error, undefined);
    let value: T;
    try {
      value = decode(into.subarray(0, read));
    } catch (failure) {
      return done(asCorrupt(failure, file, offset), undefined);
    }
    done(undefined, value);
  });
}

function asCorrupt(error: unknown, file: DiskFile, offset: number): WalError {
  if (!(error instanceof MalformedBytes)) throw error;
  return corrupt(file.path, offset, error.message);
}
