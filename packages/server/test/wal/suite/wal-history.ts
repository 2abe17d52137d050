/**
 * A small log, written step by step, and what it must say after each step. The suite compares what
 * a reopened log says with these: it knows nothing of the format.
 */
import type { GroupRecords, Wal } from '../../../src/host/storage-ports.js';
import type { Directory } from '../../../src/wal/disk.js';
import {
  append,
  closeWal,
  entries,
  hardState,
  marker,
  readAll,
  records,
  texts,
} from '../../support/wal.js';

/** Blocks of the suite: up to four pages. */
export const SUITE_BLOCK_BYTES_MAX = 12 * 1024;
/** Small, so that the history needs several. */
export const SUITE_SEGMENT_BYTES = 8 * 4096;

/** How the implementation is opened; `seed` feeds whatever is random in it. */
export type OpenWal = (root: Directory, seed: number) => Promise<Wal>;

export interface HistoryStep {
  readonly records: readonly GroupRecords[];
  /** Released once the step is durable. */
  readonly release?: { readonly group: number; readonly index: number };
}

const FOUNDED: Partial<GroupRecords> = { hardState: hardState(1), snapshot: marker(0, '') };

function step(...some: readonly GroupRecords[]): HistoryStep {
  return { records: some };
}

/** One segment; every kind of record. The last step is one small block. */
export const SHORT_HISTORY: readonly HistoryStep[] = [
  step(records(0, FOUNDED)),
  step(records(0, { hardState: hardState(2, 3), entries: entries(1, 3, 2) })),
  step(records(0, { entries: entries(3, 1, 3), snapshot: marker(1, 'one') })),
  step(records(1, { ...FOUNDED, replicaId: 4 }), records(0, { entries: entries(4, 1, 3) })),
  step(records(1, { replicaId: 4, tombstone: true })),
  step(records(0, { hardState: hardState(4, 2, 3), entries: entries(5, 2, 4) })),
];

/** Several segments: entries replaced, blocks of several pages, deletions, a new replica. */
export const LONG_HISTORY: readonly HistoryStep[] = [
  step(records(0, FOUNDED), records(1, FOUNDED)),
  step(records(0, { entries: entries(1, 2) }), records(1, { entries: entries(1, 1) })),
  step(records(0, { entries: entries(3, 3, 1, 3000) })),
  step(records(0, { hardState: hardState(2, 2), entries: entries(4, 2, 2) })),
  step(records(1, { entries: entries(2, 1, 1, 12_000) })),
  {
    records: [records(0, { snapshot: marker(5, 'five') })],
    release: { group: 0, index: 5 },
  },
  step(records(1, { tombstone: true }), records(0, { entries: entries(6, 1, 2, 5000) })),
  {
    records: [records(0, { snapshot: marker(9, 'nine', true) })],
    release: { group: 0, index: 9 },
  },
  step(records(1, { ...FOUNDED, replicaId: 2 })),
  step(records(1, { replicaId: 2, entries: entries(1, 4, 1, 2500) })),
  step(records(0, { entries: entries(10, 2, 3) })),
];

/** What a log says, as text; how far its start was deleted is its own business. */
export async function observe(wal: Wal): Promise<string> {
  const said: unknown[] = [];
  for (const log of [...wal.groupLogs()].sort((a, b) => a.group - b.group)) {
    const { firstIndex, snapshot, ...rest } = log;
    const from = (snapshot?.meta.lastIncludedIndex ?? 0) + 1;
    if (firstIndex > from) throw new Error(`group ${log.group} lacks entries from ${from} on`);
    // `replacesLog` told what to do with the log then; it is no state.
    const { meta, file } = snapshot ?? {};
    said.push({ ...rest, meta, file, entries: texts(await readAll(wal, log.group, from)) });
  }
  return JSON.stringify(said, undefined, 1);
}

/** What an append-in-progress may have reached: everything acknowledged, perhaps the next step. */
export interface Progress {
  /** Steps acknowledged. */
  acknowledged: number;
}

/** Opens a log and writes the history; closes it unless the disk stops before. */
export async function writeHistory(
  open: OpenWal,
  root: Directory,
  history: readonly HistoryStep[],
  progress: Progress,
  onStep: (wal: Wal) => Promise<void> = async () => undefined,
): Promise<void> {
  const wal = await open(root, 1);
  await onStep(wal);
  for (const { records: all, release } of history) {
    await append(wal, ...all);
    progress.acknowledged += 1;
    if (release !== undefined) wal.release(release.group, release.index);
    await onStep(wal);
  }
  await closeWal(wal);
}

/** A step any log can take: a group that no history has. */
export const ONE_MORE: GroupRecords = records(9, { hardState: hardState(7), ...FOUNDED });
