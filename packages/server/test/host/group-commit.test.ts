// R37, section 3 of the architecture: one write in flight, everything else joins the next one.
import { describe, expect, it } from '@jest/globals';
import { GroupCommit } from '../../src/host/group-commit.js';
import type { GroupRecords, StorageDone, Wal, WalError } from '../../src/host/storage-ports.js';

interface Setup {
  readonly commit: GroupCommit;
  readonly appends: { readonly groups: number[]; readonly done: StorageDone }[];
  readonly durable: string[];
  readonly failures: Error[];
  add(group: number, number: number): void;
}

function setup(bytesPerRecord = 10, blockBytesMax = 100): Setup {
  const appends: Setup['appends'] = [];
  const durable: string[] = [];
  const failures: Error[] = [];
  const wal: Pick<Wal, 'append' | 'bytesOf' | 'blockBytesMax'> = {
    blockBytesMax,
    bytesOf: () => bytesPerRecord,
    append: (records, done) => {
      appends.push({ groups: records.map((record) => record.group), done });
    },
  };
  const commit = new GroupCommit({
    wal: wal as Wal,
    nowMs: () => 0,
    onDurable: () => durable.push('wake'),
    onFailed: (error) => failures.push(error),
  });
  const add = (group: number, number: number): void => {
    const client = { durable: (upTo: number) => durable.push(`${group}:${upTo}`) };
    commit.add(client, recordsOf(group), number);
  };
  return { commit, appends, durable, failures, add };
}

function recordsOf(group: number): GroupRecords {
  const nothing = { hardState: undefined, entries: [], snapshot: undefined, tombstone: false };
  return { group, replicaId: 1, ...nothing };
}

describe('group commit (R28, R37)', () => {
  it('writes what all groups queued in one append, and one append at a time', () => {
    const { commit, appends, durable, add } = setup();
    add(0, 1);
    add(1, 4);
    commit.flush();
    add(0, 2);
    commit.flush();
    expect(appends.map((append) => append.groups)).toEqual([[0, 1]]);
    appends[0]?.done(undefined);
    expect(durable).toEqual(['wake']);
    commit.deliver();
    expect(durable).toEqual(['wake', '0:1', '1:4']);
    commit.flush();
    expect(appends.map((append) => append.groups)).toEqual([[0, 1], [0]]);
  });

  it('takes about a block at a time, at least one piece, in order', () => {
    const { commit, appends, add } = setup(60);
    for (const number of [1, 2, 3]) add(0, number);
    commit.flush();
    expect(appends[0]?.groups).toHaveLength(1);
    appends[0]?.done(undefined);
    commit.flush();
    expect(appends[1]?.groups).toHaveLength(1);
  });

  it('tells nobody after a failed write and never writes again', () => {
    const { commit, appends, durable, failures, add } = setup();
    add(0, 1);
    commit.flush();
    appends[0]?.done(new Error('EIO') as WalError);
    commit.deliver();
    add(0, 2);
    commit.flush();
    expect(failures).toHaveLength(1);
    expect(durable).toEqual([]);
    expect(appends).toHaveLength(1);
  });

  it('reports idle only once nothing is in flight', () => {
    const { commit, appends, add } = setup();
    const idle: string[] = [];
    add(0, 1);
    commit.flush();
    commit.whenIdle(() => idle.push('idle'));
    expect(idle).toEqual([]);
    appends[0]?.done(undefined);
    expect(idle).toEqual(['idle']);
  });
});
