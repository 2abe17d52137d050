// Entries below the leader's memory tail (R6): asked of the host, sent when they come back, and a
// snapshot only where the log on disk does not reach either.
import { describe, expect, it } from '@jest/globals';
import { InvariantError } from '../src/errors.js';
import type { AppendEntriesRequest, Entry, Fetch, Message, RaftConfig } from '../src/types.js';
import { bytes, configuration, ofKind, raftConfig, restored, Single } from './support/fixtures.js';
import {
  appendRejection,
  appendRequest,
  appendSuccess,
  heartbeatResponse,
} from './support/messages.js';

const three = configuration([1, 2, 3]);
const entriesCount = 20;

/** A leader whose tail holds only the last entries, and what it ever handed out for its disk. */
class Leader extends Single {
  readonly disk: Entry[] = [];

  constructor(overrides: Partial<RaftConfig> = {}) {
    super(raftConfig(1, { tailBytesMax: 400, ...overrides }), restored(three));
    this.elect([2, 3]);
    for (let i = 0; i < entriesCount; i += 1) {
      this.step(appendSuccess(2, 1, this.raft.status().lastIndex));
      this.raft.propose([bytes(`entry ${i}`)]);
      this.settle();
    }
    this.step(appendSuccess(2, 1, this.raft.status().lastIndex));
    for (const { entries } of this.readys) this.disk.push(...entries);
  }

  /** As the host would answer, with at most `countMax` entries. */
  answer(fetch: Fetch, countMax: number = entriesCount): void {
    const { fromIndex, toIndex, number } = fetch;
    const entries = this.disk.slice(fromIndex - 1, Math.min(toIndex, fromIndex - 1 + countMax));
    this.raft.fetched(number, { prevLogTerm: fromIndex === 1 ? 0 : 1, entries });
    this.raft.checkInvariants();
  }

  get follower() {
    return this.raft.status().progress.find(({ replicaId }) => replicaId === 3);
  }
}

const appendsTo3 = (messages: readonly Message[]): AppendEntriesRequest[] =>
  ofKind(messages, 'appendEntriesRequest').filter(({ to }) => to === 3);

/** Follower 3 says that it has everything up to `matchIndex`, and what it needs is asked for. */
const asked = (node: Leader, matchIndex: number): Fetch => {
  node.tick(4);
  node.raft.step(heartbeatResponse(3, 1));
  node.raft.step(appendSuccess(3, 1, matchIndex));
  const [fetch] = node.take().fetches;
  if (fetch === undefined) throw new Error('nothing was asked for');
  return fetch;
};

describe('a follower behind the memory tail', () => {
  it('gets what the log on disk still holds, not a snapshot', () => {
    const node = new Leader();
    const { firstIndex } = node.raft.status();
    expect(firstIndex).toBeGreaterThan(3);
    const fetch = asked(node, 1);
    expect(fetch).toMatchObject({ to: 3, fromIndex: 2, toIndex: firstIndex - 1 });
    expect(fetch.bytesMax).toBe(1 << 20);
    node.answer(fetch);
    const { messages, fetches } = node.take();
    const [stored, tail] = appendsTo3(messages);
    expect(stored).toMatchObject({ prevLogIndex: 1, prevLogTerm: 1 });
    expect(stored?.entries).toEqual(node.disk.slice(1, firstIndex - 1));
    expect(tail).toMatchObject({ prevLogIndex: firstIndex - 1 });
    expect(ofKind(messages, 'installSnapshotRequest')).toEqual([]);
    expect(fetches).toEqual([]);
    expect(node.follower).toMatchObject({ state: 'replicate' });
  });

  it('is asked for once, whatever happens meanwhile', () => {
    const node = new Leader();
    asked(node, 1);
    node.raft.reportUnreachable(3);
    expect(node.take().fetches).toEqual([]);
    node.tick(8);
    node.raft.step(heartbeatResponse(3, 1));
    expect(node.take().fetches).toEqual([]);
  });

  it('gets it in pieces of one message, each after the read before it', () => {
    const node = new Leader();
    const first = asked(node, 1);
    node.answer(first, 3);
    const { messages, fetches } = node.take();
    expect(appendsTo3(messages).map(({ entries }) => entries.length)).toEqual([3]);
    // The term before the next piece is known by now: the host need not look for it.
    expect(fetches).toMatchObject([{ fromIndex: 5, prevLogTerm: 1 }]);
    expect(fetches[0]?.number).toBeGreaterThan(first.number);
  });

  it('waits when its pipeline is full, and goes on as it answers', () => {
    const node = new Leader({ inflightAppendsMax: 2 });
    let [fetch] = [asked(node, 1)] as Fetch[];
    for (let i = 0; i < 2; i += 1) {
      if (fetch === undefined) throw new Error('nothing was asked for');
      node.answer(fetch, 2);
      [fetch] = node.take().fetches;
    }
    expect(fetch).toBeUndefined();
    node.raft.step(appendSuccess(3, 1, 3));
    expect(node.take().fetches).toMatchObject([{ fromIndex: 6 }]);
  });

  it('gets a snapshot when the log no longer reaches back so far', () => {
    const node = new Leader();
    const fetch = asked(node, 1);
    node.raft.fetched(fetch.number, undefined);
    const [install] = ofKind(node.take().messages, 'installSnapshotRequest');
    expect(install).toMatchObject({ to: 3 });
    expect(node.follower).toMatchObject({ state: 'snapshot' });
    // One that is older than the tail: the rest comes from the log.
    const sent = node.take.bind(node);
    node.raft.step({ kind: 'installSnapshotResponse', from: 3, to: 1, term: 1, matchIndex: 5 });
    expect(sent().fetches).toMatchObject([{ fromIndex: 6, prevLogTerm: undefined }]);
  });

  it('is probed at what it says it has, also below the tail', () => {
    const node = new Leader();
    node.answer(asked(node, 1));
    const [, tail] = appendsTo3(node.take().messages);
    node.raft.step(appendRejection(3, 1, tail?.prevLogIndex ?? 0, 4, 1));
    const [fetch] = node.take().fetches;
    if (fetch === undefined) throw new Error('nothing was asked for');
    expect(fetch).toMatchObject({ fromIndex: 5, prevLogTerm: undefined });
    node.answer(fetch);
    expect(appendsTo3(node.take().messages)).toMatchObject([{ prevLogIndex: 4, prevLogTerm: 1 }]);
    expect(node.follower).toMatchObject({ state: 'probe' });
  });
});

describe('an answer of the disk', () => {
  it('for a place the follower has left is not sent', () => {
    const node = new Leader();
    const fetch = asked(node, 1);
    node.raft.step(appendSuccess(3, 1, 3));
    node.answer(fetch);
    const { messages, fetches } = node.take();
    expect(appendsTo3(messages)).toEqual([]);
    expect(fetches).toMatchObject([{ fromIndex: 4 }]);
  });

  it('for a term that is over changes nothing', () => {
    const node = new Leader();
    const fetch = asked(node, 1);
    node.step({ ...appendRequest(0, 0, []), term: 9 });
    expect(node.raft.status().role).toBe('follower');
    node.answer(fetch);
    expect(node.settle()).toEqual([]);
  });

  it('twice changes nothing', () => {
    const node = new Leader();
    const fetch = asked(node, 1);
    node.answer(fetch);
    node.take();
    node.answer(fetch);
    expect(appendsTo3(node.settle())).toEqual([]);
  });

  it('with a gap stops the node', () => {
    const node = new Leader();
    const fetch = asked(node, 1);
    const entries = [node.disk[1], node.disk[3]] as Entry[];
    expect(() => node.raft.fetched(fetch.number, { prevLogTerm: 1, entries })).toThrow(
      InvariantError,
    );
  });
});
