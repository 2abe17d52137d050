/**
 * `cashe verify` (R39): reads a data directory as a start would, through the same code, and says
 * what it found. Nothing is written, and no lock is taken.
 */
import { decodeEntry } from '@cashe/codec';
import type { Entry, LogIndex, SnapshotMeta, Term } from '@cashe/raft';
import { type AppliedEntry, createStore, type StateMachine } from '@cashe/store';
import { bootReplica } from '../host/boot.js';
import { restoreSnapshot } from '../host/restore.js';
import type { EntriesDone, GroupLog, SnapshotReader } from '../host/storage-ports.js';
import { errorText } from '../net/errors.js';
import { configurationCodec } from '../rpc/configuration-codec.js';
import {
  corrupt,
  type InspectedStorage,
  inspectStorage,
  requireUnlocked,
  type SegmentView,
  StorageError,
} from '../wal/index.js';
import { realScheduler } from './real-ports.js';
import { decodeIdentity, type Genesis, type Identity, readGenesis } from './records.js';

/** Entries read from the log at a time. */
const READ_BYTES_MAX = 1 << 20;

export interface VerifiedGroup {
  readonly log: GroupLog;
  /** Of the newest entry, or of the snapshot when there is none above it. */
  readonly lastTerm: Term | undefined;
  /** After everything that is known to be committed; undefined when that was not reached. */
  readonly state: VerifiedState | undefined;
}

export interface VerifiedState {
  readonly appliedIndex: LogIndex;
  readonly digest: string;
}

export interface VerifiedSnapshot {
  readonly file: string;
  readonly group: number;
  readonly meta: SnapshotMeta;
  readonly bytes: number;
  readonly digest: string;
  /** Whether the log points at it; others are deleted by the next start. */
  readonly current: boolean;
}

/** Behind the last write that was synced: normal after a power loss (R37). */
export interface DroppedTail {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}

export interface Verification {
  readonly path: string;
  readonly nodeUid: string | undefined;
  readonly clusterId: string | undefined;
  readonly identity: Identity | undefined;
  readonly removed: boolean;
  readonly segments: readonly SegmentView[];
  readonly preparedSegment: string | undefined;
  readonly groups: readonly VerifiedGroup[];
  readonly snapshots: readonly VerifiedSnapshot[];
  readonly droppedTails: readonly DroppedTail[];
  readonly unfinished: readonly string[];
  /** One line each, naming file and offset; none: the directory is sound. */
  readonly problems: readonly string[];
}

/** Throws a `StorageError` when there is nothing to judge: see `inspectStorage`. */
export async function verifyDirectory(path: string): Promise<Verification> {
  const storage = await inspectStorage(path, realScheduler);
  try {
    const verification = await new Verifier(storage).run();
    await requireUnlocked(storage.path);
    return verification;
  } finally {
    await storage.close();
  }
}

class Verifier {
  readonly #storage: InspectedStorage;
  readonly #problems: string[];
  /** What the snapshots in use restored to, by file. */
  readonly #restored: Map<string, StateMachine> = new Map();

  constructor(storage: InspectedStorage) {
    this.#storage = storage;
    this.#problems = storage.problems.map((problem) => problem.message);
  }

  async run(): Promise<Verification> {
    const storage = this.#storage;
    const { path, nodeUid, segments, preparedSegment, unfinished } = storage;
    const genesis = await this.#record('genesis', readGenesis);
    const identity = await this.#record('identity', decodeIdentity);
    const tombstone = await this.#record('tombstone', decodeIdentity);
    const removed = identity !== undefined && tombstone?.replicaId === identity.replicaId;
    if (identity !== undefined) await this.#requireGroups(genesis);
    const snapshots = await this.#snapshots();
    const groups: VerifiedGroup[] = [];
    for (const log of storage.groupLogs) groups.push(await this.#group(log, genesis));
    const droppedTails = storage.tornEnds.map(({ segment, fromOffset, toOffset }) => ({
      file: segment.file.path,
      offset: fromOffset,
      bytes: toOffset - fromOffset,
    }));
    const clusterId = genesis?.clusterId;
    const problems = this.#problems;
    return {
      ...{ path, nodeUid, clusterId, identity, removed, segments, preparedSegment },
      ...{ groups, snapshots, droppedTails, unfinished, problems },
    };
  }

  /** Runs one check; what it throws becomes a line, at `place` unless it says where itself. */
  async #check<T>(
    run: () => T | Promise<T>,
    place: () => { readonly file: string; readonly offset: number },
  ): Promise<T | undefined> {
    try {
      return await run();
    } catch (error) {
      const { file, offset } = place();
      const told = error instanceof StorageError ? error : corrupt(file, offset, errorText(error));
      this.#problems.push(told.message);
      return undefined;
    }
  }

  #record<T>(
    record: 'genesis' | 'identity' | 'tombstone',
    decode: (bytes: Uint8Array) => T,
  ): Promise<T | undefined> {
    const bytes = this.#storage.records.get(record);
    const place = { file: this.#storage.pathOf(record), offset: 0 };
    return this.#check(
      () => bytes && decode(bytes),
      () => place,
    );
  }

  /** The identity is written last: what it builds on was there once. */
  async #requireGroups(genesis: Genesis | undefined): Promise<void> {
    const { groupLogs, segments } = this.#storage;
    const file = this.#storage.pathOf('genesis');
    if (!this.#storage.names.includes('genesis')) {
      this.#problems.push(corrupt(file, 0, 'the file is missing').message);
    }
    if (segments.length === 0) return;
    for (let group = 0; group < (genesis?.groupCount ?? 0); group += 1) {
      if (groupLogs.some((log) => log.group === group)) continue;
      const place = this.#storage.placeOf(group, 0);
      const problem = corrupt(place.file, place.offset, `group ${group} is not in the log`);
      this.#problems.push(problem.message);
    }
  }

  async #snapshots(): Promise<VerifiedSnapshot[]> {
    const inUse = new Map<string, GroupLog>();
    for (const log of this.#storage.groupLogs) {
      if (log.snapshot !== undefined && log.snapshot.file !== '') {
        inUse.set(log.snapshot.file, log);
      }
    }
    const files = new Set([...this.#storage.snapshotFiles, ...inUse.keys()]);
    const verified: VerifiedSnapshot[] = [];
    for (const file of files) {
      const place = { file: this.#storage.snapshotPath(file), offset: 0 };
      const run = (): Promise<VerifiedSnapshot> => this.#snapshot(file, inUse.get(file));
      const snapshot = await this.#check(run, () => place);
      if (snapshot !== undefined) verified.push(snapshot);
    }
    return verified;
  }

  async #snapshot(file: string, log: GroupLog | undefined): Promise<VerifiedSnapshot> {
    const { store, reader } = await restore(this.#storage, file);
    const { group, meta, bytes } = reader;
    if (log?.snapshot !== undefined) {
      const { lastIncludedIndex, lastIncludedTerm } = log.snapshot.meta;
      const told = `group ${log.group}, index ${lastIncludedIndex}, term ${lastIncludedTerm}`;
      const own = `group ${group}, index ${meta.lastIncludedIndex}, term ${meta.lastIncludedTerm}`;
      if (told !== own) throw new Error(`it is of ${own}, but the log says ${told}`);
      this.#restored.set(file, store);
    }
    const digest = digestText(store);
    return { file, group, meta, bytes, digest, current: log !== undefined };
  }

  async #group(log: GroupLog, genesis: Genesis | undefined): Promise<VerifiedGroup> {
    let index = log.firstIndex;
    const lastTerm = await this.#check(
      () => checkEntries(this.#storage, log, (next) => (index = next)),
      () => this.#storage.placeOf(log.group, index),
    );
    if (lastTerm === undefined) return { log, lastTerm, state: undefined };
    return { log, lastTerm, state: await this.#state(log, genesis) };
  }

  /** What a start would apply, applied; the digests that entries carry are compared (R12). */
  async #state(log: GroupLog, genesis: Genesis | undefined): Promise<VerifiedState | undefined> {
    const { replicaId, snapshot, group } = log;
    if (replicaId === 0 || snapshot === undefined) return undefined;
    const base = this.#baseOf(log, genesis);
    // Without it there is a line already: the snapshot, or the genesis record, is damaged.
    if (base === undefined) return undefined;
    this.#restored.delete(snapshot.file);
    const booted = await this.#check(
      () =>
        bootReplica(
          { ...log, snapshot: { ...snapshot, file: '' } },
          {
            wal: this.#storage,
            snapshots: this.#storage,
            scheduler: realScheduler,
            configurationCodec,
            tailBytesMax: 0,
            readBytesMax: READ_BYTES_MAX,
            newStore: () => base,
            onApplied: (_group, _entry, result, store) => compareDigest(result, store),
          },
        ),
      () => this.#storage.placeOf(group, base.appliedIndex + 1),
    );
    return booted && { appliedIndex: base.appliedIndex, digest: digestText(base) };
  }

  #baseOf(log: GroupLog, genesis: Genesis | undefined): StateMachine | undefined {
    const file = log.snapshot?.file ?? '';
    if (file !== '') return this.#restored.get(file);
    return genesis && createStore(genesis.group(log.group));
  }
}

function compareDigest(result: AppliedEntry | undefined, store: StateMachine): void {
  const carried = result?.digest;
  const own = carried && store.digestAt(carried.index);
  if (carried === undefined || own === undefined) return;
  if (own.high === carried.high && own.low === carried.low) return;
  throw new Error(`the state at index ${own.index} differs from the digest in the log`);
}

/**
 * Reads every entry: contiguous, terms in order and none above the current one, contents that
 * decode, and agreement with the snapshot marker. Returns the last term; `at` follows the index.
 */
async function checkEntries(
  storage: InspectedStorage,
  log: GroupLog,
  at: (index: LogIndex) => void,
): Promise<Term> {
  const { lastIncludedIndex = 0, lastIncludedTerm = 0 } = log.snapshot?.meta ?? {};
  let term = log.firstIndex > lastIncludedIndex ? lastIncludedTerm : 0;
  for (let next = log.firstIndex; next <= log.lastIndex; ) {
    at(next);
    const entries = await readEntries(storage, log.group, next);
    if (entries.length === 0) throw new Error(`group ${log.group} has no entry ${next}`);
    for (const entry of entries) {
      at(next);
      const problem = entryProblem(entry, next, term, log);
      if (problem !== undefined) {
        throw new Error(`group ${log.group}, entry ${next}: ${problem}`);
      }
      term = entry.term;
      next += 1;
    }
  }
  return term;
}

/** What is wrong with `entry`, which follows one of `termBefore`. */
function entryProblem(
  entry: Entry,
  index: LogIndex,
  termBefore: Term,
  log: GroupLog,
): string | undefined {
  const { currentTerm } = log.hardState;
  const marker = log.snapshot?.meta;
  if (entry.index !== index) return `entry ${entry.index} is in its place`;
  if (entry.term < termBefore) return `term ${entry.term} follows term ${termBefore}`;
  if (entry.term > currentTerm) return `term ${entry.term} is above the current ${currentTerm}`;
  if (marker?.lastIncludedIndex === index && marker.lastIncludedTerm !== entry.term) {
    return `term ${entry.term}, but the snapshot says ${marker.lastIncludedTerm}`;
  }
  try {
    if (entry.kind === 'normal') decodeEntry(entry.data);
    if (entry.kind === 'configuration') configurationCodec.decode(entry.data);
  } catch (error) {
    return errorText(error);
  }
  return undefined;
}

function readEntries(
  storage: InspectedStorage,
  group: number,
  fromIndex: LogIndex,
): Promise<readonly Entry[]> {
  return new Promise((resolve, reject) => {
    const done: EntriesDone = (error, entries) => {
      if (error === undefined) resolve(entries);
      else reject(error);
    };
    storage.readEntries(group, fromIndex, READ_BYTES_MAX, done);
  });
}

function restore(
  storage: InspectedStorage,
  file: string,
): Promise<{ readonly store: StateMachine; readonly reader: SnapshotReader }> {
  return new Promise((resolve, reject) => {
    let opened: SnapshotReader | undefined;
    const snapshots: Pick<InspectedStorage, 'open'> = {
      open: (name, done) =>
        storage.open(name, (error, reader) => {
          opened = reader;
          done(error, reader);
        }),
    };
    restoreSnapshot(snapshots, file, realScheduler, (error, store) => {
      if (store === undefined || opened === undefined) reject(error);
      else resolve({ store, reader: opened });
    });
  });
}

function digestText(store: StateMachine): string {
  const { high, low } = store.digest();
  return [high, low].map((word) => word.toString(16).padStart(8, '0')).join('');
}
