/** Opens logs on memory disks, and waits for their callbacks. */
import type { Configuration, Entry, HardState, SnapshotMeta } from '@cashe/raft';
import type { Clock, Scheduler, TimerHandle } from '../../src/host/ports.js';
import type {
  GroupRecords,
  SnapshotMarker,
  SnapshotReader,
  SnapshotStore,
  Wal,
} from '../../src/host/storage-ports.js';
import { completed, type Directory, result } from '../../src/wal/disk.js';
import type { FileWal, WalEnvironment } from '../../src/wal/file-wal.js';
import { openWal } from '../../src/wal/open-wal.js';

export const SEGMENT_BYTES = 64 * 1024;
export const BLOCK_BYTES_MAX = 16 * 1024;

/** A seeded generator (mulberry32): equal seeds, equal runs. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function randomBytes(next: () => number): (bytes: number) => Uint8Array {
  return (bytes) => Uint8Array.from({ length: bytes }, () => Math.floor(next() * 256));
}

/** Timers that fire only when told to. */
export class ManualScheduler implements Scheduler {
  readonly #timers = new Set<{ readonly atMs: number; readonly run: () => void }>();
  #nowMs = 0;

  defer(run: () => void): void {
    queueMicrotask(run);
  }

  every(_ms: number, _run: () => void): TimerHandle {
    throw new Error('not needed here');
  }

  after(ms: number, run: () => void): TimerHandle {
    const timer = { atMs: this.#nowMs + ms, run };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    for (const timer of [...this.#timers]) {
      if (timer.atMs > this.#nowMs) continue;
      this.#timers.delete(timer);
      timer.run();
    }
  }
}

export interface TestEnvironment extends WalEnvironment {
  readonly scheduler: ManualScheduler;
}

export function testEnvironment(seed = 1): TestEnvironment {
  let wallMs = 1_700_000_000_000;
  const clock: Clock = {
    nowMs: () => 0,
    wallMs: () => {
      wallMs += 1;
      return wallMs;
    },
  };
  return { clock, scheduler: new ManualScheduler(), random: randomBytes(randomNumbers(seed)) };
}

export function openTestWal(
  parent: Directory,
  overrides: {
    readonly environment?: WalEnvironment;
    readonly mustExist?: boolean;
    readonly segmentBytes?: number;
    readonly blockBytesMax?: number;
    readonly walBytesMax?: number;
  } = {},
): Promise<FileWal> {
  return openWal({
    parent,
    environment: testEnvironment(),
    mustExist: false,
    segmentBytes: SEGMENT_BYTES,
    blockBytesMax: BLOCK_BYTES_MAX,
    walBytesMax: 64 * SEGMENT_BYTES,
    ...overrides,
  });
}

export const CONFIGURATION: Configuration = {
  voters: [1, 2, 3],
  votersOutgoing: [],
  learners: [],
  replicaIdMax: 3,
};

export function meta(lastIncludedIndex: number, lastIncludedTerm = 1): SnapshotMeta {
  return { lastIncludedIndex, lastIncludedTerm, configuration: CONFIGURATION };
}

export function marker(index: number, file: string, replacesLog = false): SnapshotMarker {
  return { meta: meta(index), file, replacesLog };
}

export function entry(index: number, term: number, text: string): Entry {
  return { index, term, kind: 'normal', data: new Uint8Array(Buffer.from(text)) };
}

/** `count` entries from `firstIndex` on; the data say which they are and have `bytes` bytes. */
export function entries(firstIndex: number, count: number, term = 1, bytes = 16): Entry[] {
  return Array.from({ length: count }, (_, i) => {
    return entry(firstIndex + i, term, `${term}:${firstIndex + i}`.padEnd(bytes, '.'));
  });
}

export function hardState(currentTerm: number, votedFor = 1, commitIndex = 0): HardState {
  return { currentTerm, votedFor, commitIndex };
}

export function records(group: number, some: Partial<GroupRecords>): GroupRecords {
  return {
    group,
    replicaId: 1,
    hardState: undefined,
    entries: [],
    snapshot: undefined,
    tombstone: false,
    ...some,
  };
}

export function append(wal: Wal, ...all: readonly GroupRecords[]): Promise<void> {
  return completed((done) => wal.append(all, done));
}

export function closeWal(wal: Wal): Promise<void> {
  return completed((done) => wal.close(done));
}

export function readOnce(
  wal: Wal,
  group: number,
  fromIndex: number,
  bytesMax = 1 << 20,
): Promise<readonly Entry[]> {
  return result<readonly Entry[]>((done) => wal.readEntries(group, fromIndex, bytesMax, done));
}

/** Every entry that can be read from `fromIndex` on. */
export async function readAll(wal: Wal, group: number, fromIndex: number): Promise<Entry[]> {
  const all: Entry[] = [];
  for (;;) {
    const some = await readOnce(wal, group, fromIndex + all.length, 2000);
    if (some.length === 0) return all;
    all.push(...some);
  }
}

export function texts(some: readonly Entry[]): string[] {
  return some.map(({ index, term, data }) => `${index}/${term}/${Buffer.from(data).toString()}`);
}

/** Writes a whole snapshot; returns the file for the marker. */
export async function writeSnapshot(
  store: SnapshotStore,
  group: number,
  snapshotMeta: SnapshotMeta,
  chunks: readonly Uint8Array[],
): Promise<string> {
  const writer = await result((done: Parameters<SnapshotStore['begin']>[2]) => {
    store.begin(group, snapshotMeta, done);
  });
  for (const chunk of chunks) await completed((done) => writer.write(chunk, done));
  return result<string>((done) => writer.commit(done));
}

export function openSnapshot(store: SnapshotStore, file: string): Promise<SnapshotReader> {
  return result<SnapshotReader>((done) => store.open(file, done));
}

/** The whole stream, every chunk verified. */
export async function readSnapshot(store: SnapshotStore, file: string): Promise<Buffer> {
  const reader = await openSnapshot(store, file);
  const chunks: Uint8Array[] = [];
  try {
    for (;;) {
      const chunk = await nextChunk(reader);
      if (chunk === undefined) return Buffer.concat(chunks);
      chunks.push(chunk);
    }
  } finally {
    await completed((done) => reader.close(done));
  }
}

export function nextChunk(reader: SnapshotReader): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    reader.read((error, chunk) => (error === undefined ? resolve(chunk) : reject(error)));
  });
}
