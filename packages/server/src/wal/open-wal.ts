/** Opening a log: recovery, then the first segment and its checkpoint. */
import { BLOCK_HEADER_BYTES, blockBytes, PAGE_BYTES } from './block.js';
import { completed, type Directory, result } from './disk.js';
import { assert, corrupt } from './errors.js';
import { FileWal, type WalEnvironment, type WalSizes } from './file-wal.js';
import { recover } from './recovery.js';

export const SEGMENT_BYTES: number = 64 * 1024 * 1024;
export const WAL_BYTES_MAX: number = 4 * 1024 * 1024 * 1024;

export const WAL_DIRECTORY = 'wal';

interface OpenWalOptions extends WalSizes {
  /** The data directory. */
  readonly parent: Directory;
  readonly environment: WalEnvironment;
  /** True once the node has an identity: then an empty log means that files were lost. */
  readonly mustExist: boolean;
}

/** Throws a `StorageError`; `corrupt` names file and offset (R37). */
export async function openWal(options: OpenWalOptions): Promise<FileWal> {
  const { segmentBytes, blockBytesMax, walBytesMax } = options;
  // A checkpoint is bounded like any block.
  const segmentBytesMin = 2 * blockBytes(blockBytesMax);
  assert(segmentBytes % PAGE_BYTES === 0, 'a segment is a number of pages');
  assert(segmentBytes >= segmentBytesMin, 'a segment holds a checkpoint and the largest block');
  assert(blockBytesMax > BLOCK_HEADER_BYTES && walBytesMax >= 2 * segmentBytes, 'sizes make sense');
  const directory = await result<Directory>((done) => {
    options.parent.directory(WAL_DIRECTORY, done);
  });
  const recovered = await recover(directory, segmentBytes);
  const wal = new FileWal(directory, recovered, options, options.environment);
  try {
    if (options.mustExist && recovered.segments.length === 0) {
      throw corrupt(directory.path, 0, 'the log of a node with an identity is empty');
    }
    await completed((done) => wal.start(done));
  } catch (error) {
    await completed((done) => wal.close(done));
    throw error;
  }
  return wal;
}
