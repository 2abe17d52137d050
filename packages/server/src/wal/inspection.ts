/**
 * A data directory as it is on disk, opened for reading only: nothing is locked, created, repaired
 * or deleted (R39, `cashe verify`). What is wrong is collected, so that one report names all of it.
 */
import { join } from 'node:path';
import type { LogIndex } from '@cashe/raft';
import type { Scheduler } from '../host/ports.js';
import type {
  DirectoryRecord,
  EntriesDone,
  GroupLog,
  SnapshotStore,
  WalError,
} from '../host/storage-ports.js';
import { DIRECTORY_RECORDS, NODE_UID_FILE, readNodeUid } from './data-directory.js';
import { type ReadableDirectory, result } from './disk.js';
import { EntryReader } from './entry-reader.js';
import { corrupt, StorageError } from './errors.js';
import { lockHolder } from './lock.js';
import { openForReading } from './node-disk.js';
import { WAL_DIRECTORY } from './open-wal.js';
import { readRecordFile } from './record-file.js';
import { closeLog, type InspectedLog, inspectLog, type TornEnd } from './recovery.js';
import { TEMPORARY_SUFFIX } from './segment.js';
import { openSnapshotFile, SNAPSHOTS_DIRECTORY, snapshotGroup } from './snapshot-store.js';

export interface SegmentView {
  readonly name: string;
  readonly bytes: number;
  readonly firstBlock: number;
  readonly lastBlock: number;
}

interface Place {
  readonly file: string;
  readonly offset: number;
}

/** One directory, once opened; `close` it. */
export class InspectedStorage {
  readonly path: string;
  /** What is in the directory itself. */
  readonly names: readonly string[];
  readonly nodeUid: string | undefined;
  readonly records: ReadonlyMap<DirectoryRecord, Uint8Array>;
  /** Names of complete snapshot files, oldest first per group. */
  readonly snapshotFiles: readonly string[];
  /** Paths of files that were never finished; a start deletes them. */
  readonly unfinished: readonly string[];
  readonly problems: readonly WalError[];
  readonly #log: InspectedLog | undefined;
  readonly #entries: EntryReader | undefined;
  readonly #snapshots: ReadableDirectory;

  /** Use `inspectStorage`. */
  constructor(found: Found, scheduler: Scheduler) {
    this.path = found.root.path;
    this.names = found.names;
    this.nodeUid = found.nodeUid;
    this.records = found.records;
    this.snapshotFiles = found.snapshotFiles;
    this.unfinished = found.unfinished;
    this.problems = found.problems;
    this.#snapshots = found.snapshots;
    this.#log = found.log;
    if (found.log === undefined) return;
    this.#entries = new EntryReader(found.log.groups, found.log.segments, scheduler);
  }

  get segments(): readonly SegmentView[] {
    const { segments = [], firstNumbers = [], lastNumber = 0 } = this.#log ?? {};
    return segments.map(({ name, bytes }, i) => ({
      name,
      bytes,
      firstBlock: firstNumbers[i] ?? 0,
      lastBlock: (firstNumbers[i + 1] ?? lastNumber + 1) - 1,
    }));
  }

  get preparedSegment(): string | undefined {
    return this.#log?.prepared?.name;
  }

  get tornEnds(): readonly TornEnd[] {
    return this.#log?.tornEnds ?? [];
  }

  /** Empty, too, when the log could not be read. */
  get groupLogs(): readonly GroupLog[] {
    const all = [...(this.#log?.groups.all() ?? [])].map((tracked) => tracked.view());
    return all.sort((a, b) => a.group - b.group);
  }

  readEntries(group: number, fromIndex: LogIndex, bytesMax: number, done: EntriesDone): void {
    if (this.#entries === undefined) done(undefined, []);
    else this.#entries.read(group, fromIndex, bytesMax, done);
  }

  /** The block that holds the entry `index`, or the log as a whole. */
  placeOf(group: number, index: LogIndex): Place {
    const entries = this.#log?.groups.get(group)?.entries;
    const item = entries?.find(index) ?? -1;
    if (entries === undefined || item < 0) return { file: this.pathOf(WAL_DIRECTORY), offset: 0 };
    const sequence = entries.segment(item);
    const segment = this.#log?.segments.find((one) => one.sequence === sequence);
    const file = segment?.file.path ?? this.pathOf(WAL_DIRECTORY);
    return { file, offset: entries.offset(item) };
  }

  open(name: string, done: Parameters<SnapshotStore['open']>[1]): void {
    openSnapshotFile(this.#snapshots, name, done);
  }

  pathOf(name: string): string {
    return join(this.path, name);
  }

  snapshotPath(name: string): string {
    return join(this.#snapshots.path, name);
  }

  async close(): Promise<void> {
    if (this.#log !== undefined) await closeLog(this.#log);
  }
}

interface Found {
  readonly root: ReadableDirectory;
  readonly names: readonly string[];
  readonly snapshots: ReadableDirectory;
  readonly nodeUid: string | undefined;
  readonly records: ReadonlyMap<DirectoryRecord, Uint8Array>;
  readonly log: InspectedLog | undefined;
  readonly snapshotFiles: readonly string[];
  readonly unfinished: readonly string[];
  readonly problems: readonly WalError[];
}

/**
 * Throws a `StorageError` when there is nothing to judge: `locked`, `foreign` (not the directory of
 * a node) or `io` (it cannot be read). Everything else that is wrong is among the problems.
 */
export async function inspectStorage(
  path: string,
  scheduler: Scheduler,
): Promise<InspectedStorage> {
  const root = openForReading(path);
  const names = await result<readonly string[]>((done) => root.list(done));
  requireNodeDirectory(root, names);
  await requireUnlocked(root.path);
  const problems: WalError[] = [];
  const attempt = async <T>(read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      problems.push(error);
      return undefined;
    }
  };
  const nodeUid = await attempt(() => nodeUidOf(root, names));
  const records = new Map<DirectoryRecord, Uint8Array>();
  for (const record of DIRECTORY_RECORDS) {
    if (!names.includes(record)) continue;
    const bytes = await attempt(() => readRecordFile(root, record));
    if (bytes !== undefined) records.set(record, bytes);
  }
  const log = names.includes(WAL_DIRECTORY)
    ? await attempt(() => inspectLog(openForReading(join(root.path, WAL_DIRECTORY))))
    : undefined;
  const isLogLost = log === undefined ? !names.includes(WAL_DIRECTORY) : log.segments.length === 0;
  if (names.includes('identity') && isLogLost) {
    const file = join(root.path, WAL_DIRECTORY);
    problems.push(corrupt(file, 0, 'the log of a node with an identity is empty'));
  }
  const snapshots = openForReading(join(root.path, SNAPSHOTS_DIRECTORY));
  const files = names.includes(SNAPSHOTS_DIRECTORY)
    ? ((await attempt(() => result<readonly string[]>((done) => snapshots.list(done)))) ?? [])
    : [];
  const snapshotFiles = files.filter((name) => snapshotGroup(name) !== undefined).sort();
  const unfinished = [
    ...unfinishedOf(root.path, names),
    ...(log?.unfinished ?? []).map((name) => join(root.path, WAL_DIRECTORY, name)),
    ...unfinishedOf(snapshots.path, files),
  ];
  const found = {
    root,
    names,
    snapshots,
    nodeUid,
    records,
    log,
    snapshotFiles,
    unfinished,
    problems,
  };
  return new InspectedStorage(found, scheduler);
}

/** Again after the reading: a node that started meanwhile changed what was read. */
export async function requireUnlocked(path: string): Promise<void> {
  const pid = await lockHolder(path);
  if (pid === undefined) return;
  const message = `${path} is in use by process ${pid}: stop that node first`;
  throw new StorageError('locked', message, { file: path });
}

function requireNodeDirectory(root: ReadableDirectory, names: readonly string[]): void {
  const own: readonly string[] = [NODE_UID_FILE, ...DIRECTORY_RECORDS];
  if (names.some((name) => own.includes(name))) return;
  const none = `it has none of ${own.join(', ')}`;
  const message = `${root.path} is not a data directory of a node: ${none}`;
  throw new StorageError('foreign', message, { file: root.path });
}

async function nodeUidOf(root: ReadableDirectory, names: readonly string[]): Promise<string> {
  if (names.includes(NODE_UID_FILE)) return readNodeUid(root);
  throw corrupt(join(root.path, NODE_UID_FILE), 0, 'the file is missing');
}

function unfinishedOf(path: string, names: readonly string[]): string[] {
  return names.filter((name) => name.endsWith(TEMPORARY_SUFFIX)).map((name) => join(path, name));
}
