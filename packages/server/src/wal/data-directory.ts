/**
 * Who this directory belongs to (R25): nodeUid first, then what the node was told or agreed on.
 */
import type { DataDirectory, DirectoryRecord, StorageDone } from '../host/storage-ports.js';
import { completed, type Directory, type ReadableDirectory, result } from './disk.js';
import { corrupt, StorageError } from './errors.js';
import { LOCK_PREFIX } from './lock-name.js';
import { readRecordFile, writeRecordFile } from './record-file.js';
import { TEMPORARY_SUFFIX } from './segment.js';

export const NODE_UID_FILE = 'node-uid';
const NODE_UID_BYTES = 16;
export const DIRECTORY_RECORDS: readonly DirectoryRecord[] = ['genesis', 'identity', 'tombstone'];
/** What a file system puts into its root by itself. */
const NOT_OURS_ALLOWED = ['lost+found'];

/**
 * Opens `directory`; call it with the lock held. A blank one gets a random nodeUid. One with files
 * but without our nodeUid is somebody else's: `foreign`.
 */
export async function openDataDirectory(
  directory: Directory,
  random: (bytes: number) => Uint8Array,
): Promise<DataDirectory> {
  const names = await result<readonly string[]>((done) => directory.list(done));
  const temporary = names.filter((name) => name.endsWith(TEMPORARY_SUFFIX));
  const kept = names.filter((name) => !name.endsWith(TEMPORARY_SUFFIX) && !isIgnored(name));
  if (!kept.includes(NODE_UID_FILE)) {
    requireBlank(directory, kept);
    const uid = random(NODE_UID_BYTES);
    await completed((done) => writeRecordFile(directory, NODE_UID_FILE, uid, done));
  }
  for (const name of temporary) await completed((done) => directory.unlink(name, done));
  const nodeUid = await readNodeUid(directory);
  const records = new Map<DirectoryRecord, Uint8Array>();
  for (const record of DIRECTORY_RECORDS) {
    if (kept.includes(record)) records.set(record, await readRecordFile(directory, record));
  }
  return new FileDataDirectory(directory, nodeUid, records);
}

/** 32 hex digits. Throws a `StorageError`. */
export async function readNodeUid(directory: ReadableDirectory): Promise<string> {
  const uid = await readRecordFile(directory, NODE_UID_FILE);
  if (uid.length !== NODE_UID_BYTES) {
    throw corrupt(`${directory.path}/${NODE_UID_FILE}`, 0, 'not the length of a node uid');
  }
  return Buffer.from(uid).toString('hex');
}

class FileDataDirectory implements DataDirectory {
  readonly nodeUid: string;
  readonly #directory: Directory;
  readonly #records: Map<DirectoryRecord, Uint8Array>;

  constructor(directory: Directory, nodeUid: string, records: Map<DirectoryRecord, Uint8Array>) {
    this.#directory = directory;
    this.nodeUid = nodeUid;
    this.#records = records;
  }

  read(record: DirectoryRecord): Uint8Array | undefined {
    return this.#records.get(record);
  }

  write(record: DirectoryRecord, bytes: Uint8Array, done: StorageDone): void {
    const copy = bytes.slice();
    writeRecordFile(this.#directory, record, copy, (error) => {
      if (error === undefined) this.#records.set(record, copy);
      done(error);
    });
  }
}

function isIgnored(name: string): boolean {
  return name.startsWith('.') || name.startsWith(LOCK_PREFIX) || NOT_OURS_ALLOWED.includes(name);
}

function requireBlank(directory: Directory, names: readonly string[]): void {
  const [first] = names;
  if (first === undefined) return;
  const { path } = directory;
  const message = `${path} holds "${first}" but no node uid: it is not a data directory of a node`;
  throw new StorageError('foreign', message, { file: path });
}
