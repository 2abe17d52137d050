// What a replica reads back of its log for the core (R6): in which pieces, and when it says no.
import type { Entry, Fetch, StoredEntries } from '@cashe/raft';
import { describe, expect, it } from '@jest/globals';
import type { ReplicaContext, ReplicaView } from '../../src/host/replica-context.js';
import type { EntriesDone, GroupLog, Wal } from '../../src/host/storage-ports.js';
import { StoredReads } from '../../src/host/stored-reads.js';
import { StorageError } from '../../src/wal/errors.js';
import { entries, marker } from '../support/wal.js';

interface Read {
  readonly fromIndex: number;
  readonly bytesMax: number;
  readonly done: EntriesDone;
}

class Bench {
  readonly reads: Read[] = [];
  readonly answers: [number, StoredEntries | undefined][] = [];
  readonly failures: Error[] = [];
  readonly storedReads: StoredReads;
  snapshotIndex = 0;

  constructor() {
    const raft = {
      fetched: (number: number, stored: StoredEntries | undefined) =>
        this.answers.push([number, stored]),
    };
    const wal: Partial<Wal> = {
      readEntries: (_group, fromIndex, bytesMax, done) =>
        this.reads.push({ fromIndex, bytesMax, done }),
      groupLog: () => ({ snapshot: marker(this.snapshotIndex, 'file') }) as GroupLog,
    };
    this.storedReads = new StoredReads(
      { group: 0, raft } as never as ReplicaView,
      {
        wake: () => undefined,
        fatal: (error: Error) => this.failures.push(error),
      } as never as ReplicaContext,
      wal as Wal,
    );
  }

  /** The oldest read under way finds `found`. */
  finds(found: readonly Entry[]): void {
    this.reads.shift()?.done(undefined, found);
    this.storedReads.deliver();
  }
}

function fetch(number: number, over: Partial<Fetch> = {}): Fetch {
  const some = { to: 2, prevLogTerm: undefined, fromIndex: 6, toIndex: 9, bytesMax: 100 };
  return { number, ...some, ...over };
}

describe('a fetch', () => {
  it('reads the term before the first entry, then the entries up to the last wanted', () => {
    const bench = new Bench();
    bench.storedReads.start([fetch(1)]);
    expect(bench.reads).toMatchObject([{ fromIndex: 5, bytesMax: 0 }]);
    bench.finds(entries(5, 1, 3));
    expect(bench.reads).toMatchObject([{ fromIndex: 6, bytesMax: 100 }]);
    bench.finds(entries(6, 20, 4));
    expect(bench.answers).toEqual([[1, { prevLogTerm: 3, entries: entries(6, 4, 4) }]]);
  });

  it('needs no term that the core or the snapshot marker tells', () => {
    const bench = new Bench();
    bench.snapshotIndex = 5;
    bench.storedReads.start([fetch(1), fetch(2, { prevLogTerm: 7, fromIndex: 8 })]);
    bench.finds(entries(6, 1, 4));
    expect(bench.reads).toMatchObject([{ fromIndex: 8, bytesMax: 100 }]);
    bench.finds(entries(8, 1, 8));
    expect(bench.answers.map(([, stored]) => stored?.prevLogTerm)).toEqual([1, 7]);
  });

  it('says no when the entries, or the term before them, are gone', () => {
    const bench = new Bench();
    bench.storedReads.start([fetch(1), fetch(2, { prevLogTerm: 1 })]);
    bench.finds([]);
    bench.finds([]);
    expect(bench.answers).toEqual([
      [1, undefined],
      [2, undefined],
    ]);
  });

  it('waits for the one before, and ends with the leadership it is for', () => {
    const bench = new Bench();
    bench.storedReads.start([fetch(1, { prevLogTerm: 1 }), fetch(2, { prevLogTerm: 1 })]);
    expect(bench.reads).toHaveLength(1);
    bench.storedReads.forget();
    bench.finds(entries(6, 1));
    expect(bench.reads).toEqual([]);
  });

  it('stops the node when the log is damaged', () => {
    const bench = new Bench();
    bench.storedReads.start([fetch(1)]);
    const error = new StorageError('corrupt', 'damaged', { file: 'f' });
    bench.reads[0]?.done(error, []);
    expect(bench.failures).toEqual([error]);
    expect(bench.answers).toEqual([]);
  });
});
