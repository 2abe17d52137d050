/**
 * A small file that is replaced as a whole: magic u32, length u32, crc u32, bytes. Written under a
 * temporary name, synced, renamed, directory synced; a crash leaves the old or the new one.
 */
import { crc32 } from 'node:zlib';
import type { StorageDone } from '../host/storage-ports.js';
import { ByteReader, ByteWriter, MalformedBytes } from './bytes.js';
import {
  completed,
  type Directory,
  type DiskFile,
  type ReadableDirectory,
  result,
} from './disk.js';
import { assert, corrupt } from './errors.js';
import { TEMPORARY_SUFFIX } from './segment.js';

const MAGIC = 0x31524243;
const HEAD_BYTES = 12;
/** The genesis record with its founders is the largest; far below this. */
const RECORD_BYTES_MAX = 1 << 20;

export function encodeRecordFile(bytes: Uint8Array): Uint8Array {
  assert(bytes.length <= RECORD_BYTES_MAX, 'a record file is small');
  const writer = new ByteWriter(new Uint8Array(HEAD_BYTES + bytes.length));
  writer.u32(MAGIC);
  writer.u32(bytes.length);
  writer.u32(crc32(bytes));
  writer.raw(bytes);
  return writer.bytes;
}

/** Throws `MalformedBytes`. */
export function decodeRecordFile(file: Uint8Array): Uint8Array {
  const reader = new ByteReader(file);
  if (reader.u32() !== MAGIC) throw new MalformedBytes('not a record file');
  const length = reader.u32();
  const crc = reader.u32();
  const bytes = reader.raw(length);
  if (reader.left > 0) throw new MalformedBytes('longer than it says');
  if (crc !== crc32(bytes)) throw new MalformedBytes('the CRC does not hold');
  return bytes;
}

export function writeRecordFile(
  directory: Directory,
  name: string,
  bytes: Uint8Array,
  done: StorageDone,
): void {
  const temporary = name + TEMPORARY_SUFFIX;
  directory.create(temporary, (createError, file) => {
    if (file === undefined) return done(createError);
    file.write(encodeRecordFile(bytes), 0, (writeError) => {
      if (writeError !== undefined) return file.close(() => done(writeError));
      file.datasync((syncError) => {
        file.close((closeError) => {
          const error = syncError ?? closeError;
          if (error !== undefined) return done(error);
          directory.rename(temporary, name, (renameError) => {
            if (renameError !== undefined) return done(renameError);
            directory.sync(done);
          });
        });
      });
    });
  });
}

/** Reads the file `name`, which exists. Throws a `StorageError`. */
export async function readRecordFile(
  directory: ReadableDirectory,
  name: string,
): Promise<Uint8Array> {
  const file = await result<DiskFile>((done) => directory.open(name, done));
  try {
    const size = await result<number>((done) => file.size(done));
    if (size > HEAD_BYTES + RECORD_BYTES_MAX) throw corrupt(file.path, 0, `has ${size} bytes`);
    const bytes = new Uint8Array(size);
    const read = await result<number>((done) => file.read(bytes, 0, done));
    return decodeRecordFile(bytes.subarray(0, read));
  } catch (error) {
    if (error instanceof MalformedBytes) throw corrupt(file.path, 0, error.message);
    throw error;
  } finally {
    await completed((done) => file.close(done));
  }
}
