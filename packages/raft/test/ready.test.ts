// The contract of Ready: what leaves before the disk (R1), what counts when (R2), and the bounds.
import { describe, expect, it } from '@jest/globals';
import { InvariantError } from '../src/errors.js';
import type { Message, Ready } from '../src/types.js';
import {
  bytes,
  configuration,
  entry,
  log,
  ofKind,
  raftConfig,
  restored,
  Single,
} from './support/fixtures.js';
import {
  appendRequest,
  appendSuccess,
  heartbeat,
  heartbeatResponse,
  snapshotRequest,
  voteRequest,
  voteResponse,
} from './support/messages.js';

const three = configuration([1, 2, 3]);
const replica = (overrides = {}, terms: number[] = []): Single =>
  new Single(raftConfig(1, overrides), restored(three, terms));
const leader = (overrides = {}): Single => {
  const node = replica(overrides);
  node.elect([2, 3]);
  node.step(appendSuccess(2, 1, 1));
  node.step(appendSuccess(3, 1, 1));
  return node;
};
const kinds = (messages: readonly Message[]): string[] => messages.map(({ kind }) => kind);
const sizes = (ready: Ready): number[] =>
  ofKind(ready.messages, 'appendEntriesRequest').map(({ entries }) => entries.length);

describe('before the write of its Ready is durable (R1, thesis 10.2.1)', () => {
  it("a leader's AppendEntries leave", () => {
    const node = leader();
    node.raft.propose([bytes('a')]);
    const ready = node.take();
    expect(kinds(ready.messages)).toEqual(['appendEntriesRequest', 'appendEntriesRequest']);
    expect(ready).toMatchObject({ mustSync: true, messagesAfterPersist: [] });
  });

  it('a pre-vote request leaves, a vote request waits', () => {
    const node = replica();
    for (let i = 0; i < 32 && !node.raft.hasReady(); i += 1) node.raft.tick();
    const preVote = node.take();
    expect(kinds(preVote.messages)).toEqual(['requestVoteRequest', 'requestVoteRequest']);
    node.raft.step(voteResponse(2, 0, { preVote: true, requestTerm: 1 }));
    const vote = node.take();
    expect(vote.messages).toEqual([]);
    expect(kinds(vote.messagesAfterPersist)).toEqual(['requestVoteRequest', 'requestVoteRequest']);
    expect(vote.hardState).toMatchObject({ currentTerm: 1, votedFor: 1 });
  });

  it.each<[string, Message]>([
    ['a vote', voteRequest(1)],
    ['a pre-vote', voteRequest(1, { preVote: true })],
    ['a successful append response', appendRequest(0, 0, log([1]))],
    [
      'an InstallSnapshot response',
      snapshotRequest(1, { lastIncludedIndex: 5, lastIncludedTerm: 1, configuration: three }),
    ],
  ])('%s waits', (_what, message) => {
    const node = replica();
    node.raft.step(message);
    const ready = node.take();
    expect(ready.messages).toEqual([]);
    expect(ready.messagesAfterPersist).toHaveLength(1);
  });

  it('GONE leaves: it promises nothing', () => {
    const members = configuration([1, 2, 3], { replicaIdMax: 6 });
    const node = new Single(raftConfig(1), restored(members));
    node.raft.step(heartbeat(4));
    node.raft.step(heartbeat(1, { from: 5 }));
    expect(kinds(node.take().messages)).toEqual(['goneNotice']);
  });

  it('a heartbeat response or a rejection waits for its term only', () => {
    const node = replica();
    node.raft.step(heartbeat(1));
    node.raft.step(appendRequest(5, 1, []));
    const first = node.take();
    expect(first.messages).toEqual([]);
    const responses = ['heartbeatResponse', 'appendEntriesResponse'];
    expect(kinds(first.messagesAfterPersist)).toEqual(responses);
    node.raft.persisted(first.number);
    node.raft.step(heartbeat(1));
    node.raft.step(appendRequest(5, 1, []));
    expect(kinds(node.take().messages)).toEqual(responses);
  });
});

describe('durability', () => {
  it('a leader counts its own entries once persisted, others theirs at once (R2)', () => {
    const node = leader();
    node.raft.propose([bytes('a')]);
    const ready = node.take();
    node.raft.step(appendSuccess(2, 1, 2));
    expect(node.raft.status().commitIndex).toBe(1);
    node.raft.persisted(ready.number);
    expect(node.raft.status().commitIndex).toBe(2);
  });

  it('two followers commit without the leader’s disk, and the entry is applied', () => {
    const node = leader();
    node.raft.propose([bytes('a')]);
    node.take();
    node.raft.step(appendSuccess(2, 1, 2));
    node.raft.step(appendSuccess(3, 1, 2));
    expect(node.take().committedEntries).toMatchObject([{ index: 2 }]);
    expect(node.raft.status().persistedIndex).toBe(1);
  });

  it('a candidate counts its own vote once persisted', () => {
    const node = replica();
    node.tickToPreVote();
    node.raft.step(voteResponse(2, 0, { preVote: true, requestTerm: 1 }));
    const ready = node.take();
    node.raft.step(voteResponse(2, 1));
    expect(node.raft.status().role).toBe('candidate');
    node.raft.persisted(ready.number);
    expect(node.raft.status().role).toBe('leader');
  });

  it('one acknowledgement covers every earlier Ready', () => {
    const node = leader();
    node.raft.propose([bytes('a')]);
    node.take();
    node.raft.propose([bytes('b')]);
    const second = node.take();
    node.raft.persisted(second.number);
    expect(node.raft.status().persistedIndex).toBe(3);
  });

  it('an acknowledgement vouches for nothing that was cut off meanwhile (B18)', () => {
    const node = replica();
    node.raft.step(appendRequest(0, 0, log([1, 1, 1])));
    const old = node.take();
    node.raft.step(appendRequest(1, 1, log([2, 2], 2), { from: 3 }));
    const current = node.take();
    node.raft.persisted(old.number);
    expect(node.raft.status().persistedIndex).toBe(1);
    node.raft.persisted(current.number);
    expect(node.raft.status().persistedIndex).toBe(3);
  });

  it('a received snapshot is durable and applied when the host says so', () => {
    const node = replica();
    const snapshot = { lastIncludedIndex: 5, lastIncludedTerm: 1, configuration: three };
    node.raft.step(snapshotRequest(1, snapshot));
    const ready = node.take();
    expect(ready).toMatchObject({ snapshot, mustSync: true, entries: [], committedEntries: [] });
    expect(node.raft.status()).toMatchObject({ persistedIndex: 0, appliedIndex: 0, firstIndex: 6 });
    node.raft.persisted(ready.number);
    node.raft.applied(5);
    expect(node.raft.status()).toMatchObject({ persistedIndex: 5, appliedIndex: 5 });
  });

  it('only the commit index moved: nothing must be synced', () => {
    const node = replica({}, [1, 1]);
    node.raft.step(heartbeat(1, { leaderCommit: 2 }));
    const ready = node.take();
    expect(ready).toMatchObject({ mustSync: false, hardState: { commitIndex: 2 } });
  });

  it('refuses an acknowledgement of what was never handed out', () => {
    expect(() => replica().raft.persisted(1)).toThrow(InvariantError);
  });
});

describe('replication (R5, thesis 10.2.1)', () => {
  it('sends one message per follower for everything proposed in a turn, sharing the array', () => {
    const node = leader();
    node.raft.propose([bytes('a')]);
    node.raft.propose([bytes('b'), bytes('c')]);
    const sent = ofKind(node.take().messages, 'appendEntriesRequest');
    expect(sent.map(({ to, entries }) => [to, entries.length])).toEqual([
      [2, 3],
      [3, 3],
    ]);
    expect(sent[0]?.entries).toBe(sent[1]?.entries);
  });

  it('puts heartbeats before the entries of the same turn', () => {
    const node = leader();
    node.raft.propose([bytes('a')]);
    node.raft.readIndex(1);
    const kind = kinds(node.take().messages);
    const [beat, append] = ['heartbeatRequest', 'appendEntriesRequest'];
    expect(kind).toEqual([beat, beat, append, append]);
  });

  it('pipelines without waiting for answers, up to the number in flight', () => {
    const node = leader({ inflightAppendsMax: 2 });
    const sent: number[][] = [];
    for (const payload of ['a', 'b', 'c']) {
      node.raft.propose([bytes(payload)]);
      sent.push(sizes(node.take()));
    }
    expect(sent).toEqual([[1, 1], [1, 1], []]);
    node.raft.step(appendSuccess(2, 1, 2));
    expect(sizes(node.take())).toEqual([1]);
  });

  it('splits at appendBytesMax, yet sends an entry of any size', () => {
    const node = leader({ appendBytesMax: 300 });
    node.raft.propose([new Uint8Array(100), new Uint8Array(100), new Uint8Array(1000)]);
    const toSecond = ofKind(node.take().messages, 'appendEntriesRequest').filter((m) => m.to === 2);
    expect(toSecond.map(({ entries }) => entries.length)).toEqual([1, 1, 1]);
  });

  it('sends no message only to spread the commit index', () => {
    const node = leader();
    node.raft.propose([bytes('a')]);
    node.settle();
    expect(node.step(appendSuccess(2, 1, 2))).toEqual([]);
    const [beat] = ofKind(node.tick(4), 'heartbeatRequest');
    expect(beat).toMatchObject({ to: 2, leaderCommit: 2 });
  });

  it('tells a follower no commit index beyond what it acknowledged', () => {
    const node = leader();
    node.raft.propose([bytes('a')]);
    node.settle();
    node.step(appendSuccess(2, 1, 2));
    const beats = ofKind(node.tick(4), 'heartbeatRequest');
    expect(beats.map(({ to, leaderCommit }) => [to, leaderCommit])).toEqual([
      [2, 2],
      [3, 1],
    ]);
  });

  it('finds out by an empty append what a silent follower has missed', () => {
    const node = leader();
    node.raft.propose([bytes('a')]);
    node.settle();
    node.tick(8);
    const [verify] = ofKind(node.step(heartbeatResponse(3, 1)), 'appendEntriesRequest');
    expect(verify).toMatchObject({ to: 3, prevLogIndex: 2, entries: [] });
    // At most once per heartbeat, however many read rounds are answered.
    expect(node.step(heartbeatResponse(3, 1))).toEqual([]);
  });

  it('probes after reportUnreachable, one message per heartbeat answered', () => {
    const node = leader();
    node.raft.propose([bytes('a')]);
    node.settle();
    node.raft.reportUnreachable(2);
    expect(ofKind(node.settle(), 'appendEntriesRequest')).toMatchObject([
      { to: 2, prevLogIndex: 1 },
    ]);
    node.raft.propose([bytes('b')]);
    expect(ofKind(node.settle(), 'appendEntriesRequest').map(({ to }) => to)).toEqual([3]);
    node.tick(4);
    expect(ofKind(node.step(heartbeatResponse(2, 1)), 'appendEntriesRequest')).toMatchObject([
      { to: 2, prevLogIndex: 1 },
    ]);
  });

  it('counts a follower again that was unreachable while there was nothing to send', () => {
    const node = leader();
    node.step(appendSuccess(2, 1, 1));
    node.raft.reportUnreachable(2);
    node.settle();
    const follower = (): unknown =>
      node.raft.status().progress.find((peer) => peer.replicaId === 2);
    expect(follower()).toMatchObject({ state: 'probe', matchIndex: 1 });
    node.tick(4);
    const [probe] = ofKind(node.step(heartbeatResponse(2, 1)), 'appendEntriesRequest');
    expect(probe).toMatchObject({ to: 2, prevLogIndex: 1, entries: [] });
    node.step(appendSuccess(2, 1, 1));
    expect(follower()).toMatchObject({ state: 'replicate', matchIndex: 1 });
  });
});

describe('bounds', () => {
  it('proposals wait while the tail is full of what may not go (R6)', () => {
    const node = leader({ tailBytesMax: 1000 });
    expect(node.raft.propose([new Uint8Array(700)]).kind).toBe('appended');
    const refused = node.raft.propose([new Uint8Array(700)]);
    expect(refused).toEqual({ kind: 'busy', reason: 'tailFull' });
    node.settle();
    node.step(appendSuccess(2, 1, 2));
    expect(node.raft.propose([new Uint8Array(700)]).kind).toBe('appended');
    expect(node.raft.status().tailBytes).toBeLessThanOrEqual(1000);
  });

  it('a follower takes no more entries while twice its tail waits for the host', () => {
    const node = replica({ tailBytesMax: 1000, applyingBytesMax: 1 });
    const append = (index: number): Message[] => {
      const request = appendRequest(index - 1, index === 1 ? 0 : 1, log([1], index));
      node.raft.step({ ...request, leaderCommit: index });
      const ready = node.take();
      node.raft.persisted(ready.number);
      return [...ready.messagesAfterPersist];
    };
    let accepted = 0;
    while (accepted < 40 && append(accepted + 1).length > 0) accepted += 1;
    expect(accepted).toBeLessThan(40);
    expect(node.raft.status().tailBytes).toBeLessThan(2100);
    for (let index = 1; index <= accepted; index += 1) {
      node.raft.applied(index);
      if (node.raft.hasReady()) node.take();
    }
    expect(append(accepted + 1)).toHaveLength(1);
  });

  it('a follower takes what a commit waits for, however full its tail is (section 5.4.2)', () => {
    const node = replica({ tailBytesMax: 1000 });
    const big = entry(1, 1, 'normal', new Uint8Array(4000));
    expect(node.step(appendRequest(0, 0, [big]))).toHaveLength(1);
    // The leader is gone with its commit; the next one's no-op is what commits both.
    const noop = { ...appendRequest(1, 1, [entry(2, 2, 'noop')]), from: 3, term: 2 };
    const [answer] = ofKind(node.step(noop), 'appendEntriesResponse');
    expect(answer).toMatchObject({ success: true, matchIndex: 2 });
  });

  it('committed entries are handed out as the host applies them', () => {
    const node = new Single(
      raftConfig(1, { applyingBytesMax: 100 }),
      restored(three, [1, 1, 1], { commitIndex: 3 }),
    );
    const ready = node.take();
    expect(ready.committedEntries.map(({ index }) => index)).toEqual([1]);
    node.raft.applied(1);
    expect(node.take().committedEntries.map(({ index }) => index)).toEqual([2]);
  });
});
